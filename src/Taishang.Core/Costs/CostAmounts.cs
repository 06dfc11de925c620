namespace Taishang.Core.Costs;

/// <summary>Amounts as budgets and usage count them: whole tokens, calls, or billionths of a currency.</summary>
internal static class CostAmounts
{
    /// <summary>Of a limit, an estimate and what one call uses: far from where sums of them overflow.</summary>
    public const long UnitsMax = 1_000_000_000_000_000_000;

    /// <summary>In a currency.</summary>
    public const decimal MoneyMax = UnitsMax / Billion;

    private const decimal Billion = 1_000_000_000m;

    /// <summary>Rounded up: a call that costs less than a billionth is not free.</summary>
    public static long OfMoney(decimal amount) => amount >= MoneyMax ? UnitsMax
        : amount <= -MoneyMax ? -UnitsMax : (long)decimal.Ceiling(amount * Billion);

    public static decimal ToMoney(long units) => units / Billion;

    public static long Clamp(long units) => Math.Clamp(units, 0, UnitsMax);

    /// <summary>As people read it: <c>12 calls</c>, <c>0.5 USD</c>.</summary>
    public static string Text(Budget budget, long units) => budget.Unit == BudgetWords.Money
        ? FormattableString.Invariant($"{ToMoney(units):0.#########} {budget.Currency}")
        : FormattableString.Invariant($"{units} {budget.Unit}");
}
