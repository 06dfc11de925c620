using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes;

/// <summary>
/// A structure over the first rows of a table that finds a query's neighbours without looking at all of them. One
/// caller at a time covers, mends or saves; searches go on meanwhile.
/// </summary>
internal interface IRowIndex : IDisposable
{
    IndexKind Kind { get; }

    /// <summary>Rows 0 to this − 1 can be found through the index.</summary>
    int Covered { get; }

    /// <summary>Rows that it can ever lead to; with more it is outgrown.</summary>
    int RowsMax { get; }

    /// <summary>Whether rows are added one by one from the first on, so that a part of a build is worth keeping.
    /// </summary>
    bool GrowsByRows { get; }

    /// <summary>Of the codes that it compares; null when it compares floats.</summary>
    CodeForm? Form { get; }

    /// <summary>What the covered rows take.</summary>
    IndexBytes Bytes { get; }

    /// <summary>Adds the rows that are missing.</summary>
    /// <param name="rows">Rows published by the table.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="progress">Told the rows covered, from any thread.</param>
    /// <param name="cancellation">Stops early; what was covered stays so.</param>
    Task CoverAsync(int rows, int threads, Action<int>? progress, CancellationToken cancellation);

    /// <summary>Whether there are so many rows now, or such ones, that the index should be made anew; a compaction does
    /// it.</summary>
    bool IsOutgrown(int rows);

    /// <summary>Makes sure that every covered row can be reached.</summary>
    void Mend(CancellationToken cancellation);

    void Save(IStorageDevice device, string path, CancellationToken cancellation);

    /// <summary>How far the first layer of an answer looks.</summary>
    IndexLayer FirstLayer(in SearchEffort effort);

    /// <summary>Whether scoring every matching row costs less than this search.</summary>
    bool ScanIsCheaper(in IndexSearch search);

    /// <summary>
    /// Offers the nearest accepted rows to the memory's heap. Returns false, having offered nothing, when a scan turned
    /// out to be cheaper.
    /// </summary>
    bool TrySearch<TFilter>(in Query query, in IndexSearch search, TFilter filter, SearchMemory memory)
        where TFilter : struct, IRowFilter;
}

/// <summary>What a request says about how hard to look.</summary>
/// <param name="EfSearch">Nodes that a walk keeps.</param>
/// <param name="Probes">Lists to look through; null for the index's default.</param>
/// <param name="TopK">Rows asked for.</param>
internal readonly record struct SearchEffort(int EfSearch, int? Probes, int TopK);

/// <summary>How far one layer of an answer looks.</summary>
/// <param name="Width">In the index's own measure: nodes kept by a walk, lists looked through.</param>
/// <param name="Kept">Rows that the layer may add to the answer.</param>
/// <param name="Sure">Of them, rows that it adds in any case: those behind may be left out when it is certain enough
/// that they are none of the nearest of so many.</param>
internal readonly record struct IndexLayer(int Width, int Kept, int Sure = int.MaxValue)
{
    public IndexLayer Doubled => new((int)Math.Min(int.MaxValue, Width * 2L), (int)Math.Min(int.MaxValue, Kept * 2L));

    /// <summary>So far that only a scan is left.</summary>
    public IndexLayer Widest => this with { Width = int.MaxValue };
}

/// <summary>One search of an index.</summary>
/// <param name="Layer">How far to look.</param>
/// <param name="Rows">Of the snapshot; those from this on are not the caller's to see.</param>
/// <param name="Matching">Of them, those that the search may return.</param>
internal readonly record struct IndexSearch(IndexLayer Layer, int Rows, int Matching);

/// <summary>What an index takes in memory.</summary>
/// <param name="Codes">Of the vectors in whatever form the index compares them; 0 when it reads the rows.</param>
/// <param name="Links">Everything else: neighbours, lists.</param>
internal readonly record struct IndexBytes(long Codes, long Links)
{
    public long Total => Codes + Links;
}
