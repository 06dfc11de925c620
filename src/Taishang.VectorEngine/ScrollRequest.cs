namespace Taishang.VectorEngine;

/// <summary>One page of all rows.</summary>
/// <param name="Limit">Rows of the page at most, 1–10000.</param>
public sealed record ScrollRequest(int Limit)
{
    /// <summary>Where the page before ended; null for the first one. The same cursor gives the same page again, as long
    /// as the scroll has not expired.</summary>
    public string? Cursor { get; init; }

    /// <summary>Only rows whose metadata matches; given with the first page alone.</summary>
    public Filtering.MetadataFilter? Filter { get; init; }

    /// <summary>Bytes of vectors and metadata after which a page ends early; at least one row comes.</summary>
    public long BytesMax { get; init; } = Limits.BytesPerCallMax;

    public bool IncludeMetadata { get; init; }

    public bool IncludeVector { get; init; }
}

/// <summary>A page of a scroll.</summary>
/// <param name="Rows">In the order of their writing; metadata and vector are empty when not asked for.</param>
/// <param name="NextCursor">Null when nothing follows.</param>
/// <param name="Total">Rows of the whole scroll, as they were when it began.</param>
public sealed record ScrollPage(IReadOnlyList<VectorRow> Rows, string? NextCursor, long Total);
