using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Memory of finished searches, kept for the next ones: after warm-up a search allocates its answer alone.
/// </summary>
internal sealed class SearchMemoryPool
{
    /// <summary>Kept at most; further searches at once make their own and drop it.</summary>
    public const int KeptMax = 64;

    private readonly KeptObjects<SearchBuffers> _kept = new(KeptMax);

    public SearchBuffers Rent(int paddedDimensions) => _kept.TryTake() ?? new SearchBuffers(paddedDimensions);

    public void Return(SearchBuffers buffers) => _kept.Return(buffers);

    public void Clear() => _kept.Clear();
}

/// <summary>One search's memory: the padded query, the walk's and heap's arrays, the list that grows page by page.
/// </summary>
internal sealed unsafe class SearchBuffers(int paddedDimensions) : IDisposable
{
    private NativeBlock QueryBlock { get; } = new((nuint)paddedDimensions * sizeof(float), hugePages: false);

    public SearchMemory Memory { get; } = new();

    public List<Neighbor> Found { get; } = [];

    public HashSet<int> FoundRows { get; } = [];

    /// <summary>The vector in the form that kernels take, valid until the next one.</summary>
    public Query QueryOf(RowTable rows, ReadOnlySpan<float> vector)
    {
        var padded = new Span<float>(QueryBlock.Pointer, rows.PaddedDimensions);
        vector.CopyTo(padded);
        padded[vector.Length..].Clear();
        var scale = rows.Metric == DistanceMetric.Cosine ? RowTable.InverseLength(vector) : 0f;
        return new Query((float*)QueryBlock.Pointer, scale);
    }

    public void Dispose()
    {
        QueryBlock.Dispose();
        Memory.Dispose();
    }
}
