namespace Taishang.Core.Tasks;

/// <summary>A task to create.</summary>
/// <param name="Type">Of a known type; checked with its payload before.</param>
/// <param name="PayloadJson">A JSON object.</param>
public sealed record NewTask(string Type, string PayloadJson)
{
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

    /// <summary>False parks it until a start.</summary>
    public bool AutoStart { get; init; } = true;
}
