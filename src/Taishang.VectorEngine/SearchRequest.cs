namespace Taishang.VectorEngine;

/// <summary>A k-nearest-neighbours question.</summary>
/// <param name="Vector">The query, exactly the collection's dimensions, finite, not zero under cosine.</param>
/// <param name="TopK">How many hits at most, 1–16384.</param>
public sealed record SearchRequest(ReadOnlyMemory<float> Vector, int TopK)
{
    /// <summary>Candidates kept while walking the graph; null takes the collection's default. Raised to
    /// <c>Offset + TopK</c> by itself where it is too small.</summary>
    public int? EfSearch { get; init; }

    /// <summary>Lists of an IVF index to look through at least; null takes the collection's default. More are looked
    /// through by itself where few of their rows match.</summary>
    public int? Probes { get; init; }

    /// <summary>Scan every row instead of using the index.</summary>
    public bool Exact { get; init; }

    /// <summary>Only rows whose metadata matches; null takes all.</summary>
    public Filtering.MetadataFilter? Filter { get; init; }

    /// <summary>Hits to skip before the first returned one, 0–16384.</summary>
    public int Offset { get; init; }

    /// <summary>Keep only hits whose score (larger is better) reaches this; null keeps all.</summary>
    public float? ScoreThreshold { get; init; }

    public bool IncludeMetadata { get; init; }

    public bool IncludeVector { get; init; }
}

/// <summary>One found row, nearest first.</summary>
/// <param name="Id">The row.</param>
/// <param name="Distance">Smaller is nearer: l2 Euclidean, cosine 1 − cos, dot −dot.</param>
/// <param name="Score">Larger is better: l2 1/(1+distance), cosine cos, dot dot.</param>
/// <param name="MetadataJson">Present when asked for; empty when the row has none.</param>
/// <param name="Vector">Present when asked for: the row as it was written, not as it was normalised.</param>
public sealed record SearchHit(
    VectorId Id,
    float Distance,
    float Score,
    ReadOnlyMemory<byte> MetadataJson = default,
    ReadOnlyMemory<float> Vector = default);

/// <summary>The answer: hits nearest first, ties by id.</summary>
public sealed record SearchAnswer(IReadOnlyList<SearchHit> Hits);
