using System.Text.Json;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>A row of tai_task_schedules: a task that comes back.</summary>
internal sealed record TaskSchedule
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Cron { get; init; }

    /// <summary>IANA name, such as Asia/Shanghai.</summary>
    public required string TimeZone { get; init; }

    /// <summary>A word of <see cref="MissedRule"/>.</summary>
    public required string Missed { get; init; }

    /// <summary>A word of <see cref="OverlapRule"/>.</summary>
    public required string Overlap { get; init; }

    /// <summary>1 when paused: SQLite has no booleans.</summary>
    public int Paused { get; init; }

    public required string Type { get; init; }

    public required string Payload { get; init; }

    public int Priority { get; init; }

    public int? MaxAttempts { get; init; }

    public long? TimeoutMs { get; init; }

    public required string Labels { get; init; }

    /// <summary>Null when the expression names no more times.</summary>
    public long? NextRunMs { get; init; }

    public DateTimeOffset? LastRunAt { get; init; }

    public string? LastTaskId { get; init; }

    public long Skipped { get; init; }

    public string? LastError { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    /// <summary>The task for one of its times; null for one that is asked for by hand.</summary>
    public NewTask Task(DateTimeOffset? due)
    {
        var labels = JsonSerializer.Deserialize<Dictionary<string, string>>(Labels) ?? [];
        if (due is { } time) labels[ScheduleRequests.DueLabel] = time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'");
        return new NewTask(Type, Payload)
        {
            Priority = Priority,
            MaxAttempts = MaxAttempts,
            TimeoutMs = TimeoutMs,
            LabelsJson = JsonSerializer.Serialize(labels),
            ScheduleId = Id,
            UniqueKey = Overlap == OverlapRule.Skip ? $"schedule {Id}" : null,
            Actor = $"schedule {Id}",
        };
    }
}

/// <summary>What is done about times that passed while nobody was there to fire.</summary>
internal static class MissedRule
{
    /// <summary>The last one fires if it is not older than <see cref="TaskOptions.ScheduleGraceMs"/>.</summary>
    public const string Skip = "skip";

    /// <summary>One task for all of them.</summary>
    public const string Once = "once";

    /// <summary>A task for each, in their order.</summary>
    public const string All = "all";

    public static readonly string[] Words = [Skip, Once, All];
}

/// <summary>What is done when the last task is still live.</summary>
internal static class OverlapRule
{
    public const string Allow = "allow";

    /// <summary>The time passes without a task.</summary>
    public const string Skip = "skip";

    public static readonly string[] Words = [Allow, Skip];
}

/// <summary>The schedule as the API shows it.</summary>
internal sealed record ScheduleView(string Id, string Name, string Cron, string TimeZone)
{
    public required string Missed { get; init; }

    public required string Overlap { get; init; }

    public bool Paused { get; init; }

    public required string Type { get; init; }

    public JsonElement Payload { get; init; }

    public int Priority { get; init; }

    public int? MaxAttempts { get; init; }

    public long? TimeoutMs { get; init; }

    public JsonElement Labels { get; init; }

    public DateTimeOffset? NextRunAt { get; init; }

    public DateTimeOffset? LastRunAt { get; init; }

    public string? LastTaskId { get; init; }

    public long Skipped { get; init; }

    public string? LastError { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public static ScheduleView Of(TaskSchedule row) => new(row.Id, row.Name, row.Cron, row.TimeZone)
    {
        Missed = row.Missed,
        Overlap = row.Overlap,
        Paused = row.Paused != 0,
        Type = row.Type,
        Payload = JsonSerializer.Deserialize<JsonElement>(row.Payload),
        Priority = row.Priority,
        MaxAttempts = row.MaxAttempts,
        TimeoutMs = row.TimeoutMs,
        Labels = JsonSerializer.Deserialize<JsonElement>(row.Labels),
        NextRunAt = row.Paused == 0 && row.NextRunMs is { } next ? DateTimeOffset.FromUnixTimeMilliseconds(next) : null,
        LastRunAt = row.LastRunAt,
        LastTaskId = row.LastTaskId,
        Skipped = row.Skipped,
        LastError = row.LastError,
        CreatedAt = row.CreatedAt,
        UpdatedAt = row.UpdatedAt,
    };
}
