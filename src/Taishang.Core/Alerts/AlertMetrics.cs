using Taishang.Core.Costs;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Alerts;

/// <summary>What a rule can be about, and how it is measured.</summary>
internal sealed class AlertMetrics(TaskStatsStore stats, BudgetStore budgets)
{
    public const string FailureRate = "failure_rate";

    /// <summary>Of a budget, or the highest of all. What passes a threshold is told at once, not by looking.</summary>
    public const string BudgetUsed = "budget_used_percent";

    /// <summary>A burn rate must hold over this share of its window too, so that it resolves soon.</summary>
    private const int ShortShare = 12;

    private static readonly Dictionary<string, Func<TaskFiguresView, double?>> OfFigures = new()
    {
        // Without a run there is no rate, and no rule about it holds.
        [FailureRate] = figures => figures.Completed + figures.Failed == 0 ? null : figures.FailureRate,
        ["throughput_per_minute"] = figures => figures.ThroughputPerMinute,
        ["mean_ms"] = figures => figures.MeanMs,
        ["p95_ms"] = figures => figures.P95Ms,
        ["mean_wait_ms"] = figures => figures.MeanWaitMs,
        ["failed"] = figures => figures.Failed,
        ["retried"] = figures => figures.Retried,
        ["rescued"] = figures => figures.Rescued,
    };

    private static readonly Dictionary<string, Func<QueueFigures, double?>> OfQueue = new()
    {
        ["queue_depth"] = queue => queue.Queued,
        ["queue_due"] = queue => queue.Due,
        ["running"] = queue => queue.Running,
        ["oldest_age_ms"] = queue => queue.OldestAgeMs,
    };

    public static readonly IReadOnlyList<string> Names = [.. OfFigures.Keys, .. OfQueue.Keys, BudgetUsed];

    /// <summary>The value now; null when there is nothing to measure.</summary>
    public async Task<double?> MeasureAsync(Alert alert, DateTimeOffset now, CancellationToken cancellation)
    {
        if (alert.Kind == AlertWords.BurnRate) return await BurnAsync(alert, now, cancellation);
        if (alert.Metric == BudgetUsed)
            return await budgets.HighestPercentAsync(alert.Type, now, cancellation);
        if (OfQueue.TryGetValue(alert.Metric, out var ofQueue))
            return ofQueue(await stats.QueueAsync(alert.Type, cancellation));
        return OfFigures[alert.Metric](await FiguresAsync(alert, now, alert.WindowSeconds, cancellation));
    }

    /// <summary>
    /// How many times as fast as the objective allows failures use up its budget: the smaller of the long and the short
    /// window, so that both must be above the threshold (multi-window burn rates, Google's SRE workbook).
    /// </summary>
    private async Task<double?> BurnAsync(Alert alert, DateTimeOffset now, CancellationToken cancellation)
    {
        var budget = 1 - (alert.Objective ?? 0);
        var whole = OfFigures[FailureRate](await FiguresAsync(alert, now, alert.WindowSeconds, cancellation));
        var shortly = Math.Max(AlertRequests.WindowSecondsMin, alert.WindowSeconds / ShortShare);
        var recent = OfFigures[FailureRate](await FiguresAsync(alert, now, shortly, cancellation));
        return whole is { } one && recent is { } other ? Math.Round(Math.Min(one, other) / budget, 6) : null;
    }

    private Task<TaskFiguresView> FiguresAsync(
        Alert alert, DateTimeOffset now, int seconds, CancellationToken cancellation) =>
        // Figures are kept by the minute, so the window begins with a whole one.
        stats.FiguresAsync(TaskStatsQuery.Down(now.AddSeconds(-seconds)), now, alert.Type, cancellation);
}
