using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Collections;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>The body of POST /tasks/schedules.</summary>
internal sealed record ScheduleCreateRequest
{
    public required string Name { get; init; }

    public required string Cron { get; init; }

    public string TimeZone { get; init; } = "UTC";

    public string Missed { get; init; } = MissedRule.Once;

    public string Overlap { get; init; } = OverlapRule.Allow;

    public bool Paused { get; init; }

    public required string Type { get; init; }

    public required JsonElement Payload { get; init; }

    public int Priority { get; init; } = 5;

    public int? MaxAttempts { get; init; }

    public long? TimeoutMs { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

/// <summary>The body of PUT /tasks/schedules/:id; what is absent stays.</summary>
internal sealed record ScheduleUpdateRequest
{
    public string? Name { get; init; }

    public string? Cron { get; init; }

    public string? TimeZone { get; init; }

    public string? Missed { get; init; }

    public string? Overlap { get; init; }

    public JsonElement? Payload { get; init; }

    public int? Priority { get; init; }

    public int? MaxAttempts { get; init; }

    public long? TimeoutMs { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

/// <summary>Checks bodies, and makes rows of them.</summary>
internal static class ScheduleRequests
{
    /// <summary>Every task of a schedule has the time that it is for under this label.</summary>
    public const string DueLabel = "scheduled_at";

    public const int CronCharactersMax = 100;
    public const int TimeZoneCharactersMax = 64;

    public static TaskSchedule Make(
        ScheduleCreateRequest body, TaskExecutors executors, string id, DateTimeOffset now)
    {
        var task = CheckTask(body, executors);
        var row = new TaskSchedule
        {
            Id = id,
            Name = body.Name,
            Cron = body.Cron,
            TimeZone = body.TimeZone,
            Missed = body.Missed,
            Overlap = body.Overlap,
            Paused = body.Paused ? 1 : 0,
            Type = body.Type,
            Payload = task.PayloadJson,
            Priority = body.Priority,
            MaxAttempts = body.MaxAttempts,
            TimeoutMs = body.TimeoutMs,
            Labels = task.LabelsJson ?? "{}",
            NextRunMs = Next(body, now),
            CreatedAt = now,
            UpdatedAt = now,
        };
        return row;
    }

    /// <summary>The row with what the body gives anew. Its times count from now on.</summary>
    public static TaskSchedule Change(
        TaskSchedule row, ScheduleUpdateRequest body, TaskExecutors executors, DateTimeOffset now)
    {
        var whole = new ScheduleCreateRequest
        {
            Name = body.Name ?? row.Name,
            Cron = body.Cron ?? row.Cron,
            TimeZone = body.TimeZone ?? row.TimeZone,
            Missed = body.Missed ?? row.Missed,
            Overlap = body.Overlap ?? row.Overlap,
            Paused = row.Paused != 0,
            Type = row.Type,
            Payload = body.Payload ?? JsonSerializer.Deserialize<JsonElement>(row.Payload),
            Priority = body.Priority ?? row.Priority,
            MaxAttempts = body.MaxAttempts ?? row.MaxAttempts,
            TimeoutMs = body.TimeoutMs ?? row.TimeoutMs,
            Labels = body.Labels ?? JsonSerializer.Deserialize<Dictionary<string, string>>(row.Labels),
        };
        var made = Make(whole, executors, row.Id, now);
        var sameTimes = (made.Cron, made.TimeZone) == (row.Cron, row.TimeZone);
        return made with
        {
            Paused = row.Paused,
            NextRunMs = sameTimes ? row.NextRunMs : made.NextRunMs,
            LastRunAt = row.LastRunAt,
            LastTaskId = row.LastTaskId,
            Skipped = row.Skipped,
            CreatedAt = row.CreatedAt,
        };
    }

    /// <summary>Paused, or going on with the first time from now: what passed meanwhile is not made up for.</summary>
    public static TaskSchedule Pause(TaskSchedule row, bool paused, DateTimeOffset now)
    {
        if (paused == (row.Paused != 0)) return row;
        var next = ScheduleTimes.Of(row).After(now)?.ToUnixTimeMilliseconds();
        return row with { Paused = paused ? 1 : 0, NextRunMs = next, LastError = null, UpdatedAt = now };
    }

    private static NewTask CheckTask(ScheduleCreateRequest body, TaskExecutors executors)
    {
        var errors = new FieldErrors();
        if (!Collection.IsName(body.Name))
        {
            errors.Add(ErrorCodes.ScheduleInvalid, "name",
                "expected a letter or _, then up to 99 letters, digits, _ or -");
        }

        Word(errors, "missed", body.Missed, MissedRule.Words);
        Word(errors, "overlap", body.Overlap, OverlapRule.Words);
        if (body.Labels?.ContainsKey(DueLabel) == true)
            errors.Add(ErrorCodes.ScheduleInvalid, $"labels.{DueLabel}", "is set for each task to the time it is for");
        if (body.Labels?.Count == TaskRequests.LabelsMax)
        {
            errors.Add(ErrorCodes.ScheduleInvalid, "labels",
                $"expected at most {TaskRequests.LabelsMax - 1}: one is for {DueLabel}");
        }

        errors.ThrowIfAny();
        return TaskRequests.Check(
            new TaskCreateRequest
            {
                Type = body.Type,
                Payload = body.Payload,
                Priority = body.Priority,
                MaxAttempts = body.MaxAttempts,
                TimeoutMs = body.TimeoutMs,
                Labels = body.Labels,
            },
            executors);
    }

    private static long? Next(ScheduleCreateRequest body, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        Length(errors, "cron", body.Cron, CronCharactersMax);
        Length(errors, "time_zone", body.TimeZone, TimeZoneCharactersMax);
        errors.ThrowIfAny();
        var times = ScheduleTimes.Parse(
            body.Cron, body.TimeZone, (field, why) => errors.Add(ErrorCodes.ScheduleInvalid, field, why));
        errors.ThrowIfAny();
        if (times?.After(now) is { } next) return next.ToUnixTimeMilliseconds();
        errors.Add(ErrorCodes.ScheduleInvalid, "cron", "expected an expression that names a time to come");
        errors.ThrowIfAny();
        return null;
    }

    private static void Length(FieldErrors errors, string field, string value, int max)
    {
        if (value.Length is 0 || value.Length > max || value.Any(char.IsControl))
            errors.Add(ErrorCodes.ScheduleInvalid, field, $"expected 1 to {max} characters");
    }

    private static void Word(FieldErrors errors, string field, string value, string[] words)
    {
        if (!words.Contains(value))
            errors.Add(ErrorCodes.ScheduleInvalid, field, $"expected one of {string.Join(", ", words)}");
    }
}
