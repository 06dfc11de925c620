using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Answers from the graph. A plain walk keeps whatever is near and leaves out afterwards what the search may not
/// return; where too much of it had to be left out, or where a filter says so beforehand, the walk itself tells
/// passing through from keeping.
/// </summary>
internal static class HnswSearcher
{
    /// <summary>Of a plain walk's pool, the share that must be acceptable for its recall to stand.</summary>
    private const double AcceptedShareMin = 0.8;

    /// <summary>
    /// Offers the nearest <c>width</c> accepted nodes to the heap. Returns false, having offered nothing, when the walk
    /// went past its budget.
    /// </summary>
    public static bool Search<TFilter>(
        HnswGraph graph, RowScorer scorer, in Query query, GraphSearch search, TFilter filter, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var (entry, top) = graph.Entry;
        if (entry == HnswGraph.NoNode || entry >= search.Limit)
            return false;

        var walker = memory.Walker;
        var start = walker.Descend(graph, scorer, query, entry, top, 0, search.Limit);
        if (!search.IsSelective)
        {
            walker.Walk(graph, scorer, query, start, 0, search.Width, search.Limit);
            if (CountAccepted(graph, filter, walker.Pool.Entries) >= walker.Pool.Count * AcceptedShareMin)
            {
                Offer(graph, filter, walker.Pool.Entries, memory.Heap);
                return true;
            }
        }

        var walk = new FilteredWalk(start, search.Width, search.Limit, search.Budget);
        if (!walker.WalkFiltered(graph, scorer, query, filter, walk))
            return false;

        Offer(graph, filter, walker.Pool.Entries, memory.Heap);
        return true;
    }

    private static int CountAccepted<TFilter>(HnswGraph graph, TFilter filter, ReadOnlySpan<ulong> entries)
        where TFilter : struct, IRowFilter
    {
        var count = 0;
        foreach (var ranked in entries)
        {
            for (var row = Ranked.Node(ranked); row != HnswGraph.NoNode; row = graph.NextTwin(row))
            {
                if (!filter.Accepts(row))
                    continue;

                count++;
                break;
            }
        }

        return count;
    }

    private static void Offer<TFilter>(
        HnswGraph graph, TFilter filter, ReadOnlySpan<ulong> entries, BoundedHeap<IdOrder> heap)
        where TFilter : struct, IRowFilter
    {
        foreach (var ranked in entries)
        {
            var distance = Ranked.Distance(ranked);
            for (var row = Ranked.Node(ranked); row != HnswGraph.NoNode; row = graph.NextTwin(row))
            {
                if (filter.Accepts(row))
                    heap.Offer(distance, row);
            }
        }
    }
}

/// <summary>How to walk for one answer.</summary>
/// <param name="Width">Nodes kept (ef in the paper).</param>
/// <param name="Limit">Nodes from this on are not the caller's to see.</param>
/// <param name="IsSelective">Whether so few rows are acceptable that a plain walk is not worth trying.</param>
/// <param name="Budget">Rows that a filtered walk may score.</param>
internal readonly record struct GraphSearch(int Width, int Limit, bool IsSelective, long Budget);

/// <summary>What one search needs and the next one uses again.</summary>
internal sealed class SearchMemory
{
    public HnswWalker Walker { get; } = new();

    public BoundedHeap<IdOrder> Heap { get; } = new();
}
