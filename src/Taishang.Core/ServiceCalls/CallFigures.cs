namespace Taishang.Core.ServiceCalls;

/// <summary>
/// Figures of a group of calls; the field that names the group is the only one of its kind that is set.
/// </summary>
public sealed class CallFigures
{
    public string? Method { get; init; }

    public string? TargetService { get; init; }

    public string? SourceService { get; init; }

    public string? Status { get; init; }

    /// <summary>Begin of the time bucket.</summary>
    public DateTimeOffset? Start { get; init; }

    public long Count { get; init; }

    public long Success { get; init; }

    public long Failed { get; init; }

    public long Timeout { get; init; }

    /// <summary>0–1; 1 when there is no call.</summary>
    public double SuccessRate { get; init; }

    public double FailureRate { get; init; }

    public double TimeoutRate { get; init; }

    public double AverageMs { get; init; }

    /// <summary>Nearest rank: the shortest duration that at least half of the calls do not pass.</summary>
    public double P50Ms { get; init; }

    public double P95Ms { get; init; }

    public double P99Ms { get; init; }

    public double MaxMs { get; init; }
}

/// <summary>The answer of the statistics route.</summary>
/// <param name="From">At or after.</param>
/// <param name="To">Before.</param>
/// <param name="Overall">All calls of the range and the filters.</param>
/// <param name="BySource">Only when asked for.</param>
/// <param name="ByStatus">Only when asked for.</param>
/// <param name="ByTime">Buckets with at least one call, oldest first.</param>
public sealed record ServiceCallStats(
    DateTimeOffset From, DateTimeOffset To, CallFigures Overall, IReadOnlyList<CallFigures> ByMethod,
    IReadOnlyList<CallFigures> ByTarget, IReadOnlyList<CallFigures>? BySource, IReadOnlyList<CallFigures>? ByStatus,
    IReadOnlyList<CallFigures> ByTime);
