using System.Globalization;
using Taishang.Core.Alerts;
using Taishang.Core.Data;

namespace Taishang.Core.Costs;

/// <summary>
/// Tells rules of alerts that a budget has passed a threshold, in the transaction in which it did: each threshold once
/// a period, whatever dies when.
/// </summary>
internal static class BudgetAlerts
{
    private const string Told = """
        UPDATE tai_budget_periods SET told = @highest
        WHERE budget_id = @BudgetId AND period = @Period AND told < @highest
        """;

    /// <summary>Called last in a transaction: rules are rows that transactions of other budgets want too.</summary>
    public static async Task TellAsync(DatabaseSession session, IReadOnlyList<BudgetCrossing> crossings)
    {
        foreach (var crossing in crossings) await TellAsync(session, crossing);
    }

    private static async Task TellAsync(DatabaseSession session, BudgetCrossing crossing)
    {
        var (budget, state) = crossing;
        var percent = Math.Round((double)(state.Used + state.Abandoned) * 100 / budget.LimitUnits, 6);
        var passed = budget.ReadThresholds().Where(one => one > state.Told && one <= percent).ToList();
        if (passed.Count == 0) return;
        if (await session.ExecuteAsync(Told, new { state.BudgetId, state.Period, highest = passed[^1] }) == 0) return;
        foreach (var threshold in passed)
        {
            var reason = string.Create(CultureInfo.InvariantCulture,
                $"the budget '{budget.Name}' has used {percent:0.##} % of {CostAmounts.Text(budget, budget.LimitUnits)}"
                + $" in {state.Period}: it has passed {threshold} %");
            await AlertStore.RaiseAsync(
                session, new AlertRaise(AlertMetrics.BudgetUsed, budget.Name, threshold, percent, reason));
        }
    }
}

/// <summary>A budget, and where it stands after what was just added.</summary>
internal sealed record BudgetCrossing(Budget Budget, BudgetState State);
