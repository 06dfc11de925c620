using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>A task that this worker may run, until its lease ends.</summary>
/// <param name="Task">The row as it was when claimed: payload, checkpoint, cost so far.</param>
/// <param name="Fence">What every write about this attempt must show.</param>
internal sealed record ClaimedTask(AiTask Task, long Fence);

/// <summary>How an attempt ended, as its worker saw it.</summary>
internal enum AttemptEnd
{
    Completed,
    Failed,

    /// <summary>It was asked to stop or cancel, or its process stops, and it let go.</summary>
    LetGo,
}

/// <summary>The end of an attempt, to be written when its fence still holds.</summary>
internal sealed record Settlement(ClaimedTask Claim, AttemptEnd End)
{
    public string? Result { get; init; }

    public string? Error { get; init; }

    /// <summary>Whether a failed attempt may be tried again.</summary>
    public bool Retriable { get; init; } = true;

    /// <summary>Pause before the next attempt.</summary>
    public long RetryDelayMs { get; init; }

    public int Progress { get; init; }

    /// <summary>The task's totals.</summary>
    public TaskCost Cost { get; init; } = new(0, 0);

    /// <summary>Lines of the log that are written with the end.</summary>
    public IReadOnlyList<TaskLogLine> Logs { get; init; } = [];
}

/// <summary>A running task that must end: what was asked, and its fence.</summary>
internal sealed class TaskLease
{
    public required string TaskId { get; init; }

    public long Fence { get; init; }

    /// <summary>stop, cancel or null.</summary>
    public string? Wish { get; init; }
}

/// <summary>Words of <see cref="TaskLease.Wish"/>.</summary>
internal static class TaskWish
{
    public const string Stop = "stop";
    public const string Cancel = "cancel";
}
