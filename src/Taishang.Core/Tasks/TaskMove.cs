namespace Taishang.Core.Tasks;

/// <summary>One transition as it is written: the row's new state and the line of its trail.</summary>
/// <param name="Word">The verb as the trail names it.</param>
/// <param name="Actor">Who; see <see cref="Actors"/>.</param>
internal sealed record TaskMove(string Id, string Word, TaskState From, TaskState To, string Actor)
{
    public int Attempt { get; init; }

    /// <summary>Null keeps the row's.</summary>
    public long? Fence { get; init; }

    /// <summary>Why, for the trail.</summary>
    public string? Reason { get; init; }

    /// <summary>Kept only by a completed task.</summary>
    public string? Result { get; init; }

    /// <summary>Kept while a next attempt runs, cleared by any state that brings none.</summary>
    public string? ErrorMsg { get; init; }

    /// <summary>Null keeps the row's.</summary>
    public int? Progress { get; init; }

    /// <summary>Null keeps the row's.</summary>
    public DateTimeOffset? RunAt { get; init; }

    /// <summary>The task's total; null keeps the row's.</summary>
    public long? Tokens { get; init; }

    /// <summary>The task's total; null keeps the row's.</summary>
    public long? AiMs { get; init; }
}
