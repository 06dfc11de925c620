namespace Taishang.Core.Tasks;

/// <summary>A task to create.</summary>
/// <param name="Type">Of a known type; checked with its payload before.</param>
/// <param name="PayloadJson">A JSON object.</param>
public sealed record NewTask(string Type, string PayloadJson)
{
    /// <summary>A week.</summary>
    public const long TimeoutMsMax = 604_800_000;

    /// <summary>A UUIDv7 that the caller reserved, so that creating twice is refused; null takes a new one.</summary>
    public string? Id { get; init; }

    /// <summary>Who creates it, for the trail.</summary>
    public string Actor { get; init; } = "api";

    /// <summary>0–9, higher first.</summary>
    public int Priority { get; init; } = 5;

    /// <summary>1–100; null takes the default of the type.</summary>
    public int? MaxAttempts { get; init; }

    /// <summary>Not before; null for at once.</summary>
    public DateTimeOffset? RunAt { get; init; }

    /// <summary>Of one attempt, in milliseconds; null takes the default of the type.</summary>
    public long? TimeoutMs { get; init; }

    public string? ParentId { get; init; }

    /// <summary>A JSON object of strings.</summary>
    public string? LabelsJson { get; init; }

    /// <summary>While a task of this type with this key is live, it is the answer and none is made; 1–200 characters.
    /// </summary>
    public string? UniqueKey { get; init; }

    /// <summary>Ids of tasks that must end first; at most <see cref="TaskLinks.ParentsMax"/>.</summary>
    public IReadOnlyList<string> DependsOn { get; init; } = [];

    /// <summary>What becomes of it when one of these fails or is cancelled: a word of <see cref="ParentFailure"/>.
    /// </summary>
    public string OnParentFailure { get; init; } = ParentFailure.Cancel;

    /// <summary>The schedule that makes it.</summary>
    public string? ScheduleId { get; init; }

    /// <summary>False parks it until a start.</summary>
    public bool AutoStart { get; init; } = true;

    /// <summary>The request that causes it; null takes the current activity's.</summary>
    public TaskTrace? Trace { get; init; }
}

/// <summary>W3C trace context, in hexadecimal.</summary>
/// <param name="TraceId">32 digits.</param>
/// <param name="SpanId">16 digits.</param>
public sealed record TaskTrace(string TraceId, string SpanId)
{
    internal static TaskTrace? Current => System.Diagnostics.Activity.Current is { } activity
        ? new TaskTrace(activity.TraceId.ToHexString(), activity.SpanId.ToHexString())
        : null;
}
