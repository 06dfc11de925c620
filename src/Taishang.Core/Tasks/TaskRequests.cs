using System.Text.Json;
using System.Text.RegularExpressions;
using Taishang.Core.Api;
using Taishang.Executors;

namespace Taishang.Core.Tasks;

/// <summary>The body of POST /tasks.</summary>
internal record TaskCreateRequest
{
    public required string Type { get; init; }

    public required JsonElement Payload { get; init; }

    public int Priority { get; init; } = 5;

    public int? MaxAttempts { get; init; }

    public DateTimeOffset? RunAt { get; init; }

    public long? TimeoutMs { get; init; }

    public string? ParentId { get; init; }

    public Dictionary<string, string>? Labels { get; init; }

    public string? UniqueKey { get; init; }

    public string[]? DependsOn { get; init; }

    public string OnParentFailure { get; init; } = ParentFailure.Cancel;

    public bool AutoStart { get; init; } = true;
}

/// <summary>The body of PUT /tasks/:id; at least one field.</summary>
internal sealed record TaskUpdateRequest
{
    public int? Priority { get; init; }

    public DateTimeOffset? RunAt { get; init; }

    public JsonElement? Payload { get; init; }

    public Dictionary<string, string>? Labels { get; init; }
}

/// <summary>The answer of a verb.</summary>
internal sealed record TaskStatusView(string Status);

/// <summary>Checks bodies against the limits and the payload against its type.</summary>
internal static partial class TaskRequests
{
    public const int PayloadBytesMax = 256 * 1024;
    public const int LabelsMax = 32;
    public const int LabelCharactersMax = 256;

    public static NewTask Check(TaskCreateRequest body, TaskExecutors executors)
    {
        var executor = Executor(body.Type, executors);
        var errors = new FieldErrors();
        Range(errors, "priority", body.Priority, 0, 9);
        Range(errors, "max_attempts", body.MaxAttempts ?? 1, 1, 100);
        Range(errors, "timeout_ms", body.TimeoutMs ?? 1, 1, NewTask.TimeoutMsMax);
        CheckLabels(errors, body.Labels);
        CheckTies(errors, body);
        var payload = CheckPayload(errors, executor, body.Payload);
        errors.ThrowIfAny();
        return new NewTask(body.Type, payload)
        {
            Priority = body.Priority,
            MaxAttempts = body.MaxAttempts,
            RunAt = body.RunAt,
            TimeoutMs = body.TimeoutMs,
            ParentId = body.ParentId,
            LabelsJson = body.Labels is null ? null : JsonSerializer.Serialize(body.Labels, ApiJson.Options),
            UniqueKey = body.UniqueKey,
            DependsOn = body.DependsOn ?? [],
            OnParentFailure = body.OnParentFailure,
            AutoStart = body.AutoStart,
            Actor = Actors.Api,
        };
    }

    public static TaskChange Check(TaskUpdateRequest body, string type, TaskExecutors executors)
    {
        var errors = new FieldErrors();
        if (body is { Priority: null, RunAt: null, Payload: null, Labels: null })
            errors.Add(ErrorCodes.MissingField, "", "expected at least one of priority, run_at, payload, labels");
        Range(errors, "priority", body.Priority ?? 0, 0, 9);
        CheckLabels(errors, body.Labels);
        var payload = body.Payload is { } element
            ? CheckPayload(errors, Executor(type, executors), element)
            : null;
        errors.ThrowIfAny();
        return new TaskChange(
            body.Priority, body.RunAt, payload,
            body.Labels is null ? null : JsonSerializer.Serialize(body.Labels, ApiJson.Options));
    }

    /// <summary>A key of a label: it is part of a path in queries, so it takes no quotes.</summary>
    public static bool IsLabelKey(string key) => LabelKey().IsMatch(key);

    private static void CheckTies(FieldErrors errors, TaskCreateRequest body)
    {
        if (body.UniqueKey is { } key
            && (key.Length is 0 or > TaskLinks.KeyCharactersMax || key.Any(c => c is < ' ' or (char)127)))
        {
            errors.Add(ErrorCodes.InvalidArgument, "unique_key",
                $"expected 1 to {TaskLinks.KeyCharactersMax} characters without control characters");
        }

        if (!ParentFailure.Words.Contains(body.OnParentFailure))
        {
            errors.Add(ErrorCodes.InvalidArgument, "on_parent_failure",
                $"expected one of {string.Join(", ", ParentFailure.Words)}");
        }

        var parents = body.DependsOn ?? [];
        if (parents.Length > TaskLinks.ParentsMax)
        {
            errors.Add(ErrorCodes.InvalidArgument, "depends_on",
                $"expected at most {TaskLinks.ParentsMax}, came {parents.Length}");
        }

        for (var i = 0; i < Math.Min(parents.Length, TaskLinks.ParentsMax); i++)
        {
            if (parents[i] is not { Length: > 0 and <= TaskGraph.KeyCharactersMax } parent || parent.Contains('\0'))
                errors.Add(ErrorCodes.InvalidArgument, $"depends_on[{i}]", "expected the id of a task");
            else if (Array.IndexOf(parents, parent) < i)
                errors.Add(ErrorCodes.InvalidArgument, $"depends_on[{i}]", "named twice");
        }
    }

    private static ITaskExecutor Executor(string type, TaskExecutors executors)
    {
        if (executors.Find(type) is { } executor) return executor;
        var shown = type.Length <= 40 ? type : type[..40] + "…";
        throw TaskExecutors.KnownTypes.Contains(type)
            ? new ApiException(
                ErrorCodes.TaskTypeUnavailable, $"type: no executor of type '{shown}' is registered",
                [new FieldError("type", ErrorCodes.TaskTypeUnavailable.Number, "no executor is registered")])
            : new ApiException(
                ErrorCodes.TaskTypeInvalid,
                $"type: expected one of {string.Join(", ", executors.Creatable.Order(StringComparer.Ordinal))}, "
                + $"came '{shown}'",
                [new FieldError("type", ErrorCodes.TaskTypeInvalid.Number, "no such type")]);
    }

    private static string CheckPayload(FieldErrors errors, ITaskExecutor executor, JsonElement payload)
    {
        if (payload.ValueKind != JsonValueKind.Object)
        {
            errors.Add(
                ErrorCodes.TaskPayloadInvalid, "payload",
                $"expected an object, came {payload.ValueKind.ToString().ToLowerInvariant()}");
            return "{}";
        }

        var text = payload.GetRawText();
        var bytes = System.Text.Encoding.UTF8.GetByteCount(text);
        if (bytes > PayloadBytesMax)
        {
            errors.Add(
                ErrorCodes.TaskPayloadInvalid, "payload", $"expected at most {PayloadBytesMax} bytes, came {bytes}");
        }
        else
        {
            TaskExecutors.Check(executor, payload, errors);
        }

        return text;
    }

    private static void CheckLabels(FieldErrors errors, Dictionary<string, string>? labels)
    {
        if (labels is null) return;
        if (labels.Count > LabelsMax)
            errors.Add(ErrorCodes.InvalidArgument, "labels", $"expected at most {LabelsMax}, came {labels.Count}");
        foreach (var (key, value) in labels.Take(LabelsMax))
        {
            if (!IsLabelKey(key))
            {
                errors.Add(ErrorCodes.InvalidArgument, "labels",
                    "expected keys of 1 to 64 letters, digits and _ . / -");
            }
            else if (value is null || value.Length > LabelCharactersMax || value.Any(char.IsControl))
            {
                errors.Add(ErrorCodes.InvalidArgument, $"labels.{key}",
                    $"expected a text of at most {LabelCharactersMax} characters without control characters");
            }
        }
    }

    private static void Range(FieldErrors errors, string field, long value, long min, long max)
    {
        if (value < min || value > max)
            errors.Add(ErrorCodes.InvalidArgument, field, $"expected {min} to {max}, came {value}");
    }

    [GeneratedRegex(@"\A[A-Za-z0-9_./-]{1,64}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 100)]
    private static partial Regex LabelKey();
}
