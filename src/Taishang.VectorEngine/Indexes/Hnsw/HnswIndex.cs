using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>The graph as an index over a table's rows.</summary>
internal sealed class HnswIndex(HnswGraph graph, RowScorer scorer) : IRowIndex
{
    /// <summary>Rows that a walk scores for each node of its width, about: what makes a scan the cheaper way.</summary>
    private const int ScoredPerWidth = 24;

    /// <summary>
    /// Under dot a walk keeps so many times the width asked for: a product is no metric, its long rows hide others from
    /// each other, and the recall that l2 and cosine reach needs a wider walk.
    /// </summary>
    private const int DotWidening = 2;

    /// <summary>Nodes beyond those asked for that are ordered by floats, at least.</summary>
    private const int RerankedMin = 30;

    /// <summary>The same as a share of those asked for: one in so many.</summary>
    private const int RerankedShare = 2;

    /// <summary>Share of matching rows below which a plain walk is not worth trying.</summary>
    private const double SelectiveShare = 0.9;

    public HnswGraph Graph { get; } = graph;

    public IndexKind Kind => IndexKind.Hnsw;

    public bool GrowsByRows => true;

    public int Covered => Graph.Covered;

    public IndexBytes Bytes
    {
        get
        {
            var codes = Graph.Grid is { } grid ? (long)Covered * (grid.CodeBytes + sizeof(int)) : 0;
            return new IndexBytes(codes, Math.Max(0, Graph.MemoryBytes - codes));
        }
    }

    public Task CoverAsync(int rows, int threads, Action<int>? progress, CancellationToken cancellation) =>
        new HnswCover(Graph, scorer, threads).RunAsync(rows, progress, cancellation);

    public void Mend(CancellationToken cancellation)
    {
        using var repair = new HnswRepair(Graph, scorer);
        repair.Run(Covered, cancellation);
    }

    public void Save(IStorageDevice device, string path, CancellationToken cancellation) =>
        HnswFile.Save(device, path, Graph, cancellation);

    public bool IsOutgrown(int rows) => false;

    public IndexLayer FirstLayer(in SearchEffort effort)
    {
        var topK = effort.TopK;
        var width = Math.Max(effort.EfSearch, topK);
        if (scorer.Rows.Metric == DistanceMetric.Dot)
            width *= DotWidening;

        // A walk over floats has all in order; of one over codes the nearest are ordered by floats, enough of them
        // that a code's rounding does not decide what is returned.
        var kept = Graph.Grid is null
            ? width
            : Math.Min(width, topK + Math.Max(RerankedMin, topK / RerankedShare));
        return new IndexLayer(width, kept);
    }

    /// <summary>
    /// A walk that keeps some width of the rows of which a share matches has to score about width · 24 / share of them;
    /// a scan scores the matching ones.
    /// </summary>
    public bool ScanIsCheaper(in IndexSearch search)
    {
        var share = (double)search.Matching / search.Rows;
        return search.Matching * share <= (double)search.Layer.Width * ScoredPerWidth;
    }

    public bool TrySearch<TFilter>(in Query query, in IndexSearch search, TFilter filter, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var walk = new GraphSearch(
            search.Layer.Width,
            search.Layer.Kept,
            search.Rows,
            IsSelective: search.Matching < search.Rows * SelectiveShare,
            Budget: search.Matching);
        return HnswSearcher.Search(Graph, scorer, query, walk, filter, memory);
    }

    public void Dispose() => Graph.Dispose();
}
