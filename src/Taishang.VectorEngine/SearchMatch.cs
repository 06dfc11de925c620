using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>One hit of a <see cref="SearchMatches"/>. Its spans lie in the engine's own memory and are valid as long as
/// the answer that they were read from.</summary>
public readonly ref struct SearchMatch
{
    private readonly RowTable _rows;
    private readonly int _row;

    internal SearchMatch(RowTable rows, int row, float distance)
    {
        _rows = rows;
        _row = row;
        Distance = distance;
    }

    /// <summary>Smaller is nearer: l2 Euclidean, cosine 1 − cos, dot −dot.</summary>
    public float Distance { get; }

    /// <summary>Larger is better: l2 1/(1+distance), cosine cos, dot dot.</summary>
    public float Score => Scores.Score(_rows.Metric, Distance);

    /// <summary>The id as text.</summary>
    public ReadOnlySpan<byte> IdUtf8 => _rows.Record(_row).Id;

    /// <summary>True when the id was written as an integer.</summary>
    public bool IdIsInteger => _rows.Record(_row).IsInteger;

    /// <summary>Empty when the row has none.</summary>
    public ReadOnlySpan<byte> MetadataJson => _rows.Record(_row).Metadata;

    /// <summary>The row as it was written, not as it was normalised.</summary>
    public ReadOnlySpan<float> Vector => _rows.VectorSpan(_row);

    /// <summary>The id as an object of its own.</summary>
    public VectorId ToId() => _rows.Record(_row).ToId();
}
