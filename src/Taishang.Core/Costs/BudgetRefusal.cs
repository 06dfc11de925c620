using System.Globalization;
using Taishang.Core.Api;

namespace Taishang.Core.Costs;

/// <summary>Why a budget has no room for a call.</summary>
/// <param name="Left">Not used so far, held or not; below 0 where more was used than the limit.</param>
/// <param name="Limit">As it is in the database.</param>
/// <param name="EndsAt">When the period ends.</param>
internal sealed record BudgetRefusal(long Left, long Limit, DateTimeOffset EndsAt)
{
    /// <summary>Whoever holds room is asked for it, and answers with its next write.</summary>
    private static readonly TimeSpan HeldWait = TimeSpan.FromSeconds(1);

    /// <summary>There would be room, but calls under way or other cores hold it.</summary>
    public bool IsHeld(long need) => need <= Left;

    public ApiException ToError(Budget budget, long need, DateTimeOffset now)
    {
        var held = IsHeld(need);
        var resets = EndsAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        var why = $"the budget '{budget.Name}' has {CostAmounts.Text(budget, Math.Max(0, Left))} left of"
            + $" {CostAmounts.Text(budget, Limit)} until {resets}; the call may use up to"
            + $" {CostAmounts.Text(budget, need)}"
            + (held ? ", and what is left is held by calls under way" : "");
        var code = held ? ErrorCodes.BudgetHeld : ErrorCodes.BudgetExceeded;
        var wait = held ? HeldWait : EndsAt > now ? EndsAt - now : HeldWait;
        return new ApiException(code, $"budget: {why}", [new FieldError("budget", code.Number, why)], wait);
    }

    public static ApiException Uncounted(Budget budget, string model)
    {
        var why = $"the budget '{budget.Name}' refuses what it can not count: {model} has no price in"
            + $" {budget.Currency}";
        return new ApiException(
            ErrorCodes.BudgetUncounted, $"budget: {why}",
            [new FieldError("budget", ErrorCodes.BudgetUncounted.Number, why)]);
    }
}
