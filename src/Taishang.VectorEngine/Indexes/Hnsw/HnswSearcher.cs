using Taishang.VectorEngine.Indexes.Ivf;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Answers from the graph. A plain walk keeps whatever is near and leaves out afterwards what the search may not
/// return; where too much of it had to be left out, or where a filter says so beforehand, the walk itself tells
/// passing through from keeping. What a walk over codes found is put in order by floats (<see cref="HnswRanking"/>).
/// </summary>
internal static unsafe class HnswSearcher
{
    /// <summary>Share of acceptable rows below which a plain walk is not worth trying.</summary>
    private const double SelectiveShare = 0.9;

    /// <summary>Of what is expected in a plain walk's pool, the part that must be acceptable for its recall to stand.
    /// </summary>
    private const double AcceptedShareMin = 0.8;

    /// <summary>Ways among acceptable nodes alone are fewer; a filtered walk keeps so much more (one in so many), and
    /// finds what the plain one does.</summary>
    private const int FilteredWidening = 4;

    /// <summary>
    /// Where what matches lies far from the query, a few rows at its edge, to which few links lead, are the answer to
    /// all such queries; a walk that misses one misses it every time. It is taken to lie far when around the query's
    /// own place its share is less than this part of what it is everywhere.
    /// </summary>
    private const double FarShare = 0.25;

    /// <summary>Share of all rows from which on nothing lies far.</summary>
    private const double FarShareMax = 0.5;

    /// <summary>Then so many rows for each node of the walk's width are rather scanned.</summary>
    private const int FarScannedPerWidth = 100;

    /// <summary>And of more, the walk keeps so many times its width.</summary>
    private const int FarWidening = 3;

    /// <summary>
    /// Offers the nearest accepted nodes to the heap. Returns false, having offered nothing, when the walk went past
    /// its budget.
    /// </summary>
    public static bool Search<TFilter>(
        HnswGraph graph,
        RowScorer scorer,
        FinalOrder order,
        in Query query,
        GraphSearch search,
        TFilter filter,
        SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var (entry, top) = graph.Entry;
        if (entry == HnswGraph.NoNode || entry >= search.Limit)
            return false;

        if (graph.Grid is not { } grid)
        {
            if (!Walk(graph, new FloatSpace(scorer, query), (entry, top), search, filter, memory.Walker))
                return false;

            HnswRanking.Offer(graph, filter, memory.Walker.Pool.Entries, memory.Heap);
            return true;
        }

        var coded = grid.EncodeQuery(query.Vector, query.Scale, memory.Walker.Memory.Code(grid.QueryBytes));
        var space = new CodeSpace(graph, coded, memory.Walker.Memory);
        if (!Walk(graph, space, (entry, top), search, filter, memory.Walker))
            return false;

        if (search.Reranked == 0)
            HnswRanking.OfferByCodes(graph, coded, filter, memory.Walker.Pool.Entries, memory.Heap);
        else
        {
            var places = HnswRanking.CountToOrder(graph, filter, coded, search, memory.Walker.Pool.Entries);
            if (graph.Remainders is { } remainders && !search.ReadsFloats)
                HnswRanking.OfferByRemainders(graph, remainders, query, filter, places, memory);
            else
                HnswRanking.OfferByFloats(graph, order, query, filter, places, memory);
        }

        return true;
    }

    private static bool Walk<TSpace, TFilter>(
        HnswGraph graph, TSpace space, (int Node, int Level) entry, GraphSearch search, TFilter filter,
        HnswWalker walker)
        where TSpace : struct, INodeSpace<TSpace>
        where TFilter : struct, IRowFilter
    {
        var start = walker.Descend(graph, space, entry.Node, entry.Level, 0, search.Limit);
        if (search.IsPlain)
            return WalkPlain(graph, space, start, search, filter, walker, search.Share);
        if (search.Share >= SelectiveShare && WalkPlain(graph, space, start, search, filter, walker, 1))
            return true;

        var width = search.Width + search.Width / FilteredWidening;
        if (search.Share < FarShareMax
            && walker.ShareAround(graph, filter, start, search.Limit) < search.Share * FarShare)
        {
            if (search.Matching <= (long)width * FarScannedPerWidth)
                return false;

            width = (int)Math.Min(width * (long)FarWidening, search.Matching);
        }

        var budget = search.Costs.Scan(search.Matching);
        return walker.WalkFiltered(
            graph, space, filter, new FilteredWalk(start, width, search.Limit, search.Share, search.Costs, budget));
    }

    /// <summary>Keeps whatever is near, so much of it that the expected share of it is what was asked for; false when
    /// less of it is acceptable.</summary>
    private static bool WalkPlain<TSpace, TFilter>(
        HnswGraph graph, TSpace space, int start, GraphSearch search, TFilter filter, HnswWalker walker, double share)
        where TSpace : struct, INodeSpace<TSpace>
        where TFilter : struct, IRowFilter
    {
        var width = (int)Math.Min(search.Width / share, search.Limit);
        walker.Walk(graph, space, start, 0, width, search.Limit);
        return walker.IsWhole(graph) && HnswRanking.CountAccepted(graph, filter, walker.Pool.Entries)
            >= walker.Pool.Count * share * AcceptedShareMin;
    }
}

/// <summary>How to walk for one answer.</summary>
/// <param name="Width">Nodes kept (ef in the paper).</param>
/// <param name="Reranked">Of them, accepted ones that are ordered by floats and offered when the walk was one over
/// codes, at most; 0 when codes alone decide.</param>
/// <param name="Sure">Of those, the ones that are in any case; further ones only as far as rounding leaves
/// doubt.</param>
/// <param name="Limit">Nodes from this on are not the caller's to see.</param>
/// <param name="IsPlain">Whether links lead nowhere among acceptable nodes alone.</param>
/// <param name="Matching">Rows that are acceptable.</param>
/// <param name="Costs">Of scanning them, and of walking.</param>
/// <param name="ReadsFloats">Whether the order is to come from the floats themselves: other rows of the answer are
/// scanned, and equal rows must come out equal.</param>
internal readonly record struct GraphSearch(
    int Width, int Reranked, int Sure, int Limit, bool IsPlain, int Matching, HnswCosts Costs, bool ReadsFloats)
{
    public double Share => Math.Min(1, (double)Matching / Limit);
}

/// <summary>What one search needs and the next one uses again.</summary>
internal sealed class SearchMemory : IDisposable
{
    public HnswWalker Walker { get; } = new();

    public BoundedHeap<IdOrder> Heap { get; } = new();

    /// <summary>The lists of an IVF index in the order of a query.</summary>
    public IvfQueue Lists { get; } = new();

    /// <summary>Rows by the distances of their codes.</summary>
    public BoundedHeap<RowOrder> Candidates { get; } = new();

    public void Dispose()
    {
        Walker.Dispose();
        Lists.Dispose();
    }
}
