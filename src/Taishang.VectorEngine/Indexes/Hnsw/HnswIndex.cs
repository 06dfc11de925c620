using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>The graph as an index over a table's rows.</summary>
/// <param name="graph">The graph.</param>
/// <param name="scorer">Of the table.</param>
/// <param name="codes">What puts in order what a walk over codes found.</param>
internal sealed class HnswIndex(HnswGraph graph, RowScorer scorer, CodeOptions codes) : IRowIndex
{
    /// <summary>
    /// Under dot a walk keeps so many times the width asked for: half of the links of a node lead to rows of large
    /// products, and the recall that l2 and cosine reach needs a wider walk.
    /// </summary>
    private const int DotWidening = 2;

    /// <summary>
    /// A walk over codes keeps one in so many more: rounding, while building and while walking, costs a few thousandths
    /// of the recall that a walk over floats of the width asked for would have, and this gives them back.
    /// </summary>
    private const int CodeWideningShare = 8;

    private readonly HalfRows? _halves = codes.KeepsHalves && graph.Grid is not null ? new HalfRows(scorer.Rows) : null;

    public HnswGraph Graph { get; } = graph;

    public IndexKind Kind => IndexKind.Hnsw;

    public CodeForm? Form => Graph.Grid?.Form;

    public bool GrowsByRows => true;

    public int Covered => Graph.Covered;

    public int RowsMax => Graph.Packing.NodesMax;

    public IndexBytes Bytes
    {
        get
        {
            var bytes = Graph.Grid is { } grid ? (long)Covered * (grid.CodeBytes + sizeof(int)) : 0;
            bytes += Graph.Remainders?.MemoryBytes ?? 0;
            var links = Math.Max(0, Graph.MemoryBytes - bytes);
            return new IndexBytes(bytes + (_halves?.MemoryBytes ?? 0), links);
        }
    }

    /// <summary>
    /// Under dot, links lead to long rows: among the rows that a filter accepts there may be no way at all, so that a
    /// search walks through all and leaves out afterwards.
    /// </summary>
    private bool IsPlain => scorer.Rows.Metric == DistanceMetric.Dot;

    private HnswCosts Costs => new(scorer.Rows.StrideBytes, Graph.Grid?.CodeBytes ?? scorer.Rows.StrideBytes);

    public async Task CoverAsync(int rows, int threads, Action<int>? progress, CancellationToken cancellation)
    {
        try
        {
            await new HnswCover(Graph, scorer, threads).RunAsync(rows, progress, cancellation);
        }
        finally
        {
            // Also of what a cut build covered: a later one begins behind it.
            _halves?.CoverTo(Graph.Covered);
        }
    }

    /// <summary>Halves the rows of a graph that was read: no file holds the halves.</summary>
    public void CoverLoaded() => _halves?.CoverTo(Graph.Covered);

    public void Mend(CancellationToken cancellation)
    {
        using var repair = new HnswRepair(Graph, scorer);
        repair.Run(Covered, cancellation);
    }

    public void Save(IStorageDevice device, string path, CancellationToken cancellation) =>
        HnswFile.Save(device, path, Graph, cancellation);

    public bool IsOutgrown(int rows) => rows > RowsMax || Graph.Lift?.IsOutgrown(rows) == true;

    public IndexLayer FirstLayer(in SearchEffort effort)
    {
        var topK = effort.TopK;
        var width = Math.Max(effort.EfSearch, topK);
        if (scorer.Rows.Metric == DistanceMetric.Dot)
            width *= DotWidening;
        if (Graph.Grid is not null)
            width += width / CodeWideningShare;

        // A walk over floats has all in order, one over codes all that there is to know when nothing puts it in order.
        if (Graph.Grid is not { } grid || codes.Rerank == RerankKind.None)
            return new IndexLayer(width, width);

        // Of one that is ordered by floats as many as make up for the rounding of codes; codes of few bits need a
        // wider walk for them.
        var kept = Oversampling.Candidates(grid.Form, topK);
        if (grid.Form == CodeForm.Seven)
            kept = Math.Min(width, kept);
        return new IndexLayer(Math.Max(width, kept), kept, topK);
    }

    public bool ScanIsCheaper(in IndexSearch search)
    {
        var share = (double)search.Matching / search.Rows;
        return IsPlain
            ? Costs.ScanIsCheaper(search.Matching, 1, search.Layer.Width / share)
            : Costs.ScanIsCheaper(search.Matching, share, search.Layer.Width);
    }

    public bool TrySearch<TFilter>(in Query query, in IndexSearch search, TFilter filter, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var walk = new GraphSearch(
            search.Layer.Width,
            Graph.Grid is not null && codes.Rerank == RerankKind.None ? 0 : search.Layer.Kept,
            search.Layer.Sure,
            search.Rows,
            IsPlain,
            search.Matching,
            Costs,
            ReadsFloats: search.Rows > Graph.Covered);
        return HnswSearcher.Search(
            Graph, scorer, new FinalOrder(scorer, _halves), query, walk, filter, memory);
    }

    public void Dispose()
    {
        Graph.Dispose();
        _halves?.Dispose();
    }
}
