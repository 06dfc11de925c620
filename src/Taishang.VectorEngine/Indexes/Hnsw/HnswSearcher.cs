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
    /// <summary>Of a plain walk's pool, the share that must be acceptable for its recall to stand.</summary>
    private const double AcceptedShareMin = 0.8;

    /// <summary>
    /// Offers the nearest accepted nodes to the heap. Returns false, having offered nothing, when the walk went past
    /// its budget.
    /// </summary>
    public static bool Search<TFilter>(
        HnswGraph graph, RowScorer scorer, in Query query, GraphSearch search, TFilter filter, SearchMemory memory)
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

        var coded = grid.EncodeQuery(query.Vector, query.Scale, memory.Walker.Memory.Code(grid.KernelBytes));
        var space = new CodeSpace(graph, coded, memory.Walker.Memory);
        if (!Walk(graph, space, (entry, top), search, filter, memory.Walker))
            return false;

        HnswRanking.OfferByFloats(graph, scorer, query, filter, search.Reranked, memory);
        return true;
    }

    private static bool Walk<TSpace, TFilter>(
        HnswGraph graph, TSpace space, (int Node, int Level) entry, GraphSearch search, TFilter filter,
        HnswWalker walker)
        where TSpace : struct, INodeSpace<TSpace>
        where TFilter : struct, IRowFilter
    {
        var start = walker.Descend(graph, space, entry.Node, entry.Level, 0, search.Limit);
        if (!search.IsSelective)
        {
            walker.Walk(graph, space, start, 0, search.Width, search.Limit);
            if (HnswRanking.CountAccepted(graph, filter, walker.Pool.Entries) >= walker.Pool.Count * AcceptedShareMin)
                return true;
        }

        return walker.WalkFiltered(
            graph, space, filter, new FilteredWalk(start, search.Width, search.Limit, search.Budget));
    }
}

/// <summary>How to walk for one answer.</summary>
/// <param name="Width">Nodes kept (ef in the paper).</param>
/// <param name="Reranked">Of them, accepted ones that are ordered by floats and offered when the walk was one over
/// codes.</param>
/// <param name="Limit">Nodes from this on are not the caller's to see.</param>
/// <param name="IsSelective">Whether so few rows are acceptable that a plain walk is not worth trying.</param>
/// <param name="Budget">Rows that a filtered walk may score.</param>
internal readonly record struct GraphSearch(int Width, int Reranked, int Limit, bool IsSelective, long Budget);

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
