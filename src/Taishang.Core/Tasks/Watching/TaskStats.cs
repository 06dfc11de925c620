namespace Taishang.Core.Tasks.Watching;

/// <summary>What became of tasks in a range, and how the queue stands now.</summary>
internal sealed record TaskStats(
    DateTimeOffset From, DateTimeOffset To, TaskFiguresView Overall, IReadOnlyList<TaskFiguresView> ByType,
    IReadOnlyList<TaskTimeFigures> ByTime, QueueFigures Queue);

/// <summary>The answer of GET /tasks/stats.</summary>
internal sealed record TaskStatsAnswer(TaskStats Stats);

/// <summary>Figures of a range, over all types or of one.</summary>
internal sealed record TaskFiguresView
{
    /// <summary>Null over all types.</summary>
    public string? Type { get; init; }

    /// <summary>Tasks that completed, failed for good or were cancelled.</summary>
    public long Ended { get; init; }

    public long Completed { get; init; }

    public long Failed { get; init; }

    public long Cancelled { get; init; }

    /// <summary>Attempts that failed and were tried again.</summary>
    public long Retried { get; init; }

    /// <summary>Attempts that were taken from dead or hung workers.</summary>
    public long Rescued { get; init; }

    public double ThroughputPerMinute { get; init; }

    /// <summary>Of those that completed or failed; 0 when none did.</summary>
    public double FailureRate { get; init; }

    /// <summary>Run time of the last attempt of those that completed or failed; null when none did.</summary>
    public double? MeanMs { get; init; }

    /// <summary>95 % took at most so long, within 4.5 %.</summary>
    public double? P95Ms { get; init; }

    /// <summary>From being due to the start.</summary>
    public double? MeanWaitMs { get; init; }

    public required TaskCost Cost { get; init; }

    /// <param name="rows">Of one range, and of one type when that is given.</param>
    public static TaskFiguresView Of(IReadOnlyCollection<FigureSum> rows, string? type, TimeSpan range)
    {
        long Count(string outcome) => rows.Where(row => row.Outcome == outcome).Sum(row => row.Count);
        var (completed, failed, cancelled) =
            (Count(TaskOutcome.Completed), Count(TaskOutcome.Failed), Count(TaskOutcome.Cancelled));
        var ran = rows.Where(row => row.Outcome is TaskOutcome.Completed or TaskOutcome.Failed).ToArray();
        var runs = completed + failed;
        return new TaskFiguresView
        {
            Type = type,
            Ended = runs + cancelled,
            Completed = completed,
            Failed = failed,
            Cancelled = cancelled,
            Retried = Count(TaskOutcome.Retried),
            Rescued = Count(TaskOutcome.Rescued),
            ThroughputPerMinute = range > TimeSpan.Zero ? Math.Round((runs + cancelled) / range.TotalMinutes, 6) : 0,
            FailureRate = runs == 0 ? 0 : Math.Round((double)failed / runs, 6),
            MeanMs = runs == 0 ? null : Math.Round((double)ran.Sum(row => row.RunMs) / runs, 3),
            P95Ms = runs == 0 ? null : Percentile(ran, runs, 95),
            MeanWaitMs = runs == 0 ? null : Math.Round((double)ran.Sum(row => row.WaitMs) / runs, 3),
            Cost = new TaskCost(rows.Sum(row => row.Tokens), rows.Sum(row => row.AiMs)),
        };
    }

    /// <summary>By nearest rank: the class of the first run whose place times 100 is at least n times p.</summary>
    private static double Percentile(FigureSum[] rows, long runs, int percent)
    {
        long place = 0;
        foreach (var bucket in rows.GroupBy(row => row.Bucket).OrderBy(group => group.Key))
        {
            place += bucket.Sum(row => row.Count);
            if (place * 100 >= runs * percent) return TaskFigures.UpperMs(bucket.Key);
        }

        return 0;
    }
}

/// <summary>Sums of one type, outcome and class of run time.</summary>
internal sealed class FigureSum
{
    public required string Type { get; init; }

    public required string Outcome { get; init; }

    public int Bucket { get; init; }

    public long Count { get; init; }

    public long RunMs { get; init; }

    public long WaitMs { get; init; }

    public long Tokens { get; init; }

    public long AiMs { get; init; }
}

/// <summary>Ends in one bucket of time.</summary>
internal sealed record TaskTimeFigures(DateTimeOffset Start, long Ended, long Completed, long Failed, long Cancelled);

/// <summary>The queue now.</summary>
/// <param name="Queued">Tasks that wait, those whose time has not come included.</param>
/// <param name="OldestAgeMs">Since the first of those that are due became so.</param>
internal sealed record QueueFigures(
    long Queued, long Due, long Running, long OldestAgeMs, IReadOnlyList<QueueTypeFigures> ByType);

/// <summary>The queue of one type now.</summary>
internal sealed class QueueTypeFigures
{
    public required string Type { get; init; }

    public long Queued { get; init; }

    public long Due { get; init; }

    public long Running { get; init; }

    public long OldestAgeMs { get; init; }
}
