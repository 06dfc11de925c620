using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Storage;

/// <summary>A question in the form that kernels take: padded floats and the factor that belongs to them.</summary>
/// <param name="vector">As many floats as a stored row has, padding included.</param>
/// <param name="scale">Under cosine 1/length; else unused.</param>
internal readonly unsafe struct Query(float* vector, float scale)
{
    public float* Vector { get; } = vector;

    public float Scale { get; } = scale;
}

/// <summary>
/// Distances between a query and stored rows, smaller always nearer: squared Euclidean, −cos, or −dot. The door turns
/// them into the distances and scores of the API.
/// </summary>
internal sealed unsafe class RowScorer(RowTable rows, DistanceScorer scorer)
{
    /// <summary>Rows scored at once at most; callers size their buffers by it.</summary>
    public const int BatchRows = 144;

    public RowTable Rows { get; } = rows;

    public string Kernel => scorer.Kernel;

    public Query QueryOf(int row) => new(Rows.Vector(row), Rows.Scale(row));

    /// <summary>Asks for the beginning of a row that will be scored soon.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(int row, int lines) => DistanceScorer.Prefetch((byte*)Rows.Vector(row), lines);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Score(in Query query, int row)
    {
        var sum = scorer.Pair(query.Vector, Rows.Vector(row), Rows.PaddedDimensions);
        return Finish(sum, query.Scale, row);
    }

    /// <summary>Scores a copy of a row of which, as of the query, every component is so many times its own.</summary>
    /// <param name="query">The query, its components multiplied.</param>
    /// <param name="copy">As many floats as a row has, padding included.</param>
    /// <param name="row">The row.</param>
    /// <param name="inverseSquare">One over the square of the multiple.</param>
    public float Score(in Query query, float* copy, int row, float inverseSquare) =>
        Finish(scorer.Pair(query.Vector, copy, Rows.PaddedDimensions) * inverseSquare, query.Scale, row);

    /// <summary>Scores up to <see cref="BatchRows"/> rows, published ones, into as many floats.</summary>
    public void Score(in Query query, int* nodes, int count, float* distances)
    {
        var addresses = stackalloc byte*[BatchRows];
        for (var i = 0; i < count; i++)
            addresses[i] = (byte*)Rows.Vector(nodes[i]);

        Score(query, addresses, nodes, count, distances);
    }

    /// <summary>The same where copies of the rows' floats lie at these addresses.</summary>
    public void Score(in Query query, byte** addresses, int* nodes, int count, float* distances)
    {
        scorer.Gathered(query.Vector, addresses, count, Rows.PaddedDimensions, distances);
        if (Rows.Metric == DistanceMetric.L2)
            return;

        for (var i = 0; i < count; i++)
            distances[i] = Finish(distances[i], query.Scale, nodes[i]);
    }

    /// <summary>Scores published rows whose vectors lie behind each other, into as many floats.</summary>
    public void ScoreRun(in Query query, int start, int count, float* distances)
    {
        scorer.Run(query.Vector, Rows.Vector(start), count, Rows.PaddedDimensions, distances);
        if (Rows.Metric == DistanceMetric.L2)
            return;

        for (var i = 0; i < count; i++)
            distances[i] = Finish(distances[i], query.Scale, start + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Finish(float sum, float queryScale, int row) => Rows.Metric switch
    {
        DistanceMetric.L2 => sum,
        DistanceMetric.Cosine => -(sum * Rows.Scale(row) * queryScale),
        _ => -sum,
    };
}
