namespace Taishang.Core.Tasks;

/// <summary>A row of tai_task_events: one transition, with who and why.</summary>
internal sealed class TaskEvent
{
    public required string Id { get; init; }

    public required string TaskId { get; init; }

    public int Seq { get; init; }

    public required string Verb { get; init; }

    public string? FromState { get; init; }

    public required string ToState { get; init; }

    public int Attempt { get; init; }

    public required string Actor { get; init; }

    public string? Reason { get; init; }

    /// <summary>The transaction that wrote it.</summary>
    public long Feed { get; init; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>The event as the API shows it.</summary>
/// <param name="Worker">The worker's id when a worker did it.</param>
/// <param name="Actor">Who did it: api, or the kind of worker and its id.</param>
internal sealed record TaskEventView(
    string Id, string TaskId, string Verb, string? FromStatus, string ToStatus, int Attempt, string? Worker,
    string Actor, string? Message, DateTimeOffset CreatedAt)
{
    public static TaskEventView Of(TaskEvent row) => new(
        row.Id, row.TaskId, row.Verb, row.FromState is null ? null : Status(row.FromState), Status(row.ToState),
        row.Attempt, Actors.WorkerOf(row.Actor), row.Actor, row.Reason, row.CreatedAt);

    private static string Status(string state) =>
        TaskTransitions.Status(Enum.Parse<TaskState>(state, ignoreCase: true));
}

/// <summary>Names of those who change tasks, as the trail keeps them.</summary>
internal static class Actors
{
    public const string Api = "api";
    private const string WorkerPrefix = "worker ";
    private const string RescuePrefix = "rescue ";

    public static string Worker(string workerId) => WorkerPrefix + workerId;

    public static string Rescue(string workerId) => RescuePrefix + workerId;

    public static string? WorkerOf(string actor) =>
        actor.StartsWith(WorkerPrefix, StringComparison.Ordinal) ? actor[WorkerPrefix.Length..]
        : actor.StartsWith(RescuePrefix, StringComparison.Ordinal) ? actor[RescuePrefix.Length..]
        : null;
}
