namespace Taishang.Core.Tasks;

/// <summary>What a list of tasks is asked for; null asks for nothing.</summary>
internal sealed record TaskFilter
{
    public string? Type { get; init; }

    public string? Status { get; init; }

    public string? ParentId { get; init; }

    public int? Priority { get; init; }

    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Exclusive.</summary>
    public DateTimeOffset? CreatedTo { get; init; }

    public string? LabelKey { get; init; }

    public string? LabelValue { get; init; }

    /// <summary>It asks for lanes: a status, a type or a priority.</summary>
    public bool HasLane => Type is not null || Status is not null || Priority is not null;

    /// <summary>It asks for the tasks of a parent or a label.</summary>
    public bool HasOwner => ParentId is not null || LabelKey is not null;

    public bool HasRange => CreatedFrom is not null || CreatedTo is not null;

    public bool Fits(string status, string type, int priority) =>
        (Status is null || Status == status) && (Type is null || Type == type)
        && (Priority is null || Priority == priority);
}
