using System.Text.Json;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>A row of tai_tasks_YYYYMM.</summary>
public sealed class AiTask
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    /// <summary>As on the wire; <see cref="State"/> tells parked from queued.</summary>
    public required string Status { get; init; }

    public required string Payload { get; init; }

    public string? Result { get; init; }

    public string? ErrorMsg { get; init; }

    /// <summary>0–100.</summary>
    public int Progress { get; init; }

    /// <summary>Percent a second over the last reports; null when nothing is known.</summary>
    public double? ProgressRate { get; init; }

    /// <summary>When the progress last changed.</summary>
    public DateTimeOffset? ProgressAt { get; init; }

    public int Priority { get; init; }

    /// <summary>Attempts begun since it was created or retried.</summary>
    public int Attempt { get; init; }

    public int MaxAttempts { get; init; }

    public DateTimeOffset RunAt { get; init; }

    /// <summary>Of one attempt.</summary>
    public long TimeoutMs { get; init; }

    public DateTimeOffset? QueuedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public string? ParentId { get; init; }

    public required string Labels { get; init; }

    public string? TraceId { get; init; }

    public string? SpanId { get; init; }

    public long CostTokens { get; init; }

    public long CostAiMs { get; init; }

    public string? Checkpoint { get; init; }

    public long Fence { get; init; }

    public int Trail { get; init; }

    /// <summary>Of its type, while it is live.</summary>
    public string? UniqueKey { get; init; }

    /// <summary>JSON array of ids; null when it waits for none.</summary>
    public string? DependsOn { get; init; }

    /// <summary>A word of <see cref="ParentFailure"/>; null when it depends on none.</summary>
    public string? OnParentFailure { get; init; }

    /// <summary>The longest line of parents above it.</summary>
    public int Chain { get; init; }

    public string? ScheduleId { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public TaskState State => TaskTransitions.State(Status, QueuedAt is not null);

    /// <summary>Pending or running.</summary>
    public bool IsLive => !TaskTransitions.IsEnded(State);

    /// <summary>True for the answer of a creation that made nothing: a live task has its unique key.</summary>
    internal bool WasLive { get; private set; }

    internal AiTask AsLive()
    {
        var copy = (AiTask)MemberwiseClone();
        copy.WasLive = true;
        return copy;
    }

    internal string[] Parents => DependsOn is null ? [] : JsonSerializer.Deserialize<string[]>(DependsOn) ?? [];
}

/// <summary>The task as the API shows it.</summary>
internal sealed record TaskView(string Id, string Type, string Status, JsonElement Payload)
{
    public JsonElement? Result { get; init; }

    public string? ErrorMsg { get; init; }

    /// <summary>How each attempt since the last retry failed; only where one task is asked for.</summary>
    public IReadOnlyList<TaskErrorView>? Errors { get; init; }

    public int Progress { get; init; }

    /// <summary>Percent a second, of a running task that moves.</summary>
    public double? ProgressRate { get; init; }

    /// <summary>When the progress last changed; <see cref="TimeLeftMs"/> counts from here.</summary>
    public DateTimeOffset? ProgressAt { get; init; }

    public long? TimeLeftMs { get; init; }

    public int Priority { get; init; }

    public int Attempt { get; init; }

    public int MaxAttempts { get; init; }

    public DateTimeOffset RunAt { get; init; }

    public long TimeoutMs { get; init; }

    public DateTimeOffset? QueuedAt { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public string? ParentId { get; init; }

    public string? UniqueKey { get; init; }

    public IReadOnlyList<string>? DependsOn { get; init; }

    public string? OnParentFailure { get; init; }

    public string? ScheduleId { get; init; }

    /// <summary>Only where one task is asked for, and only of one that waits for an executor that is away.</summary>
    public ExecutorAwayView? ExecutorAway { get; init; }

    public JsonElement Labels { get; init; }

    public string? TraceId { get; init; }

    public required TaskCost Cost { get; init; }

    /// <summary>Of each attempt that cost something; only where one task is asked for.</summary>
    public IReadOnlyList<AttemptCostView>? AttemptCosts { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public static TaskView Of(AiTask task) => new(task.Id, task.Type, task.Status, Json(task.Payload))
    {
        Result = task.Result is null ? null : Json(task.Result),
        ErrorMsg = task.ErrorMsg,
        Progress = task.Progress,
        ProgressRate = task.ProgressRate,
        ProgressAt = task.ProgressAt,
        TimeLeftMs = Watching.ProgressRate.TimeLeftMs(task.Progress, task.ProgressRate),
        Priority = task.Priority,
        Attempt = task.Attempt,
        MaxAttempts = task.MaxAttempts,
        RunAt = task.RunAt,
        TimeoutMs = task.TimeoutMs,
        QueuedAt = task.QueuedAt,
        StartedAt = task.StartedAt,
        CompletedAt = task.CompletedAt,
        ParentId = task.ParentId,
        UniqueKey = task.UniqueKey,
        DependsOn = task.DependsOn is null ? null : task.Parents,
        OnParentFailure = task.OnParentFailure,
        ScheduleId = task.ScheduleId,
        Labels = Json(task.Labels),
        TraceId = task.TraceId,
        Cost = new TaskCost(task.CostTokens, task.CostAiMs),
        CreatedAt = task.CreatedAt,
        UpdatedAt = task.UpdatedAt,
    };

    private static JsonElement Json(string text)
    {
        using var document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }
}

/// <summary>What a task has cost so far.</summary>
internal sealed record TaskCost(long Tokens, long AiMs);
