using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// The middles of lists. Rows belong to the nearest one: by angle under cosine, where middles have length 1, else by
/// Euclidean distance. Queries rank them by the metric: under dot the nearest middles of a long query would be those of
/// long rows near it, while its best products lie in its direction.
/// </summary>
internal sealed unsafe class IvfCentroids : IDisposable
{
    private readonly NativeBlock _floats;
    private readonly NativeBlock _addresses;
    private readonly DistanceMetric _metric;
    private readonly DistanceScorer _assigning;
    private readonly DistanceScorer _probing;

    public IvfCentroids(RowTable rows, int count)
    {
        Count = count;
        PaddedDimensions = rows.PaddedDimensions;
        _metric = rows.Metric;
        _assigning = DistanceScorer.For(
            _metric == DistanceMetric.Cosine ? DistanceMetric.Cosine : DistanceMetric.L2);
        _probing = DistanceScorer.For(_metric);
        _floats = new NativeBlock((nuint)count * (nuint)rows.StrideBytes, hugePages: true);
        _addresses = new NativeBlock((nuint)count * (nuint)sizeof(byte*), hugePages: false);
        for (var list = 0; list < count; list++)
            Addresses[list] = (byte*)Of(list);
    }

    public int Count { get; }

    public int PaddedDimensions { get; }

    public long Bytes => (long)(_floats.Bytes + _addresses.Bytes);

    private byte** Addresses => (byte**)_addresses.Pointer;

    public float* Of(int list) => (float*)_floats.Pointer + (nint)list * PaddedDimensions;

    public Span<float> Span(int list) => new(Of(list), PaddedDimensions);

    /// <summary>The list that a row belongs to; of equal ones the first.</summary>
    /// <param name="vector">The row.</param>
    /// <param name="sums">Room for <see cref="Count"/> floats.</param>
    public int Nearest(float* vector, float* sums)
    {
        _assigning.Gathered(vector, Addresses, Count, PaddedDimensions, sums);
        var sign = _metric == DistanceMetric.Cosine ? -1f : 1f;
        var best = 0;
        for (var list = 1; list < Count; list++)
        {
            if (sums[list] * sign < sums[best] * sign)
                best = list;
        }

        return best;
    }

    /// <summary>How far lists are from a query, in an order of their own.</summary>
    public void Rank(float* query, float* distances)
    {
        _probing.Gathered(query, Addresses, Count, PaddedDimensions, distances);
        if (_metric == DistanceMetric.L2)
            return;

        for (var list = 0; list < Count; list++)
            distances[list] = -distances[list];
    }

    /// <summary>Brings a middle to length 1 under cosine.</summary>
    public void Normalize(int list)
    {
        if (_metric != DistanceMetric.Cosine)
            return;

        var scale = RowTable.InverseLength(Span(list));
        if (!float.IsFinite(scale))
            return;

        foreach (ref var component in Span(list))
            component *= scale;
    }

    public void Dispose()
    {
        _floats.Dispose();
        _addresses.Dispose();
    }
}
