namespace Taishang.VectorEngine;

/// <summary>What a snapshot folder holds, as its own file says.</summary>
public sealed record CollectionSnapshot
{
    public required VectorCollectionOptions Options { get; init; }

    /// <summary>Rows that a search could find at the commit of the snapshot.</summary>
    public required long LiveRows { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Of all files; those that the collection still has share their room with it where links are possible.
    /// </summary>
    public required long Bytes { get; init; }

    public required int FileCount { get; init; }

    /// <summary>What the caller wanted to be kept beside the rows.</summary>
    public required string Note { get; init; }
}
