using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>Turns what a walk found into rows that the search may return: leaves out, takes twins in, orders by floats.
/// </summary>
internal static unsafe class HnswRanking
{
    /// <summary>Nodes of which the search may return the row or a twin.</summary>
    public static int CountAccepted<TFilter>(HnswGraph graph, TFilter filter, ReadOnlySpan<ulong> entries)
        where TFilter : struct, IRowFilter
    {
        var count = 0;
        foreach (var ranked in entries)
        {
            if (IsAccepted(graph, filter, Ranked.Node(ranked)))
                count++;
        }

        return count;
    }

    /// <summary>Offers all accepted rows with the distances that the walk gave them.</summary>
    public static void Offer<TFilter>(
        HnswGraph graph, TFilter filter, ReadOnlySpan<ulong> entries, BoundedHeap<IdOrder> heap)
        where TFilter : struct, IRowFilter
    {
        foreach (var ranked in entries)
            OfferWithTwins(graph, filter, Ranked.Node(ranked), Ranked.Distance(ranked), heap);
    }

    /// <summary>Offers all accepted rows with the distances that their codes tell.</summary>
    public static void OfferByCodes<TFilter>(
        HnswGraph graph, in CodeQuery query, TFilter filter, ReadOnlySpan<ulong> entries, BoundedHeap<IdOrder> heap)
        where TFilter : struct, IRowFilter
    {
        foreach (var ranked in entries)
            OfferWithTwins(graph, filter, Ranked.Node(ranked), query.Estimate(Ranked.Distance(ranked)), heap);
    }

    /// <summary>
    /// How many entries of the pool are to be ordered by floats, from the first on: as many accepted ones as the search
    /// is sure to want, and behind them those that rounding may have put behind the last of these.
    /// </summary>
    public static int CountToOrder<TFilter>(
        HnswGraph graph, TFilter filter, in CodeQuery query, in GraphSearch search, ReadOnlySpan<ulong> entries)
        where TFilter : struct, IRowFilter
    {
        var accepted = 0;
        var bound = float.PositiveInfinity;
        for (var place = 0; place < entries.Length; place++)
        {
            var distance = Ranked.Distance(entries[place]);
            if (distance > bound)
                return place;

            if (!IsAccepted(graph, filter, Ranked.Node(entries[place])))
                continue;

            accepted++;
            if (accepted == search.Sure)
                bound = distance + query.Doubt(distance);
            if (accepted == search.Reranked)
                return place + 1;
        }

        return entries.Length;
    }

    /// <summary>
    /// Offers the accepted ones of the first <paramref name="places"/> nodes of the walk's pool with their distances
    /// by floats.
    /// </summary>
    public static void OfferByFloats<TFilter>(
        HnswGraph graph, FinalOrder order, in Query query, TFilter filter, int places, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        var nodes = memory.Walker.Memory.Nodes;
        var distances = memory.Walker.Memory.Distances;
        for (var place = 0; place < places;)
        {
            var count = Gather(graph, filter, memory.Walker, places, ref place);
            order.Score(query, count, memory.Walker.Memory);
            for (var i = 0; i < count; i++)
                OfferWithTwins(graph, filter, nodes[i], distances[i], memory.Heap);
        }
    }

    /// <summary>The same with their distances by codes and what these leave out.</summary>
    public static void OfferByRemainders<TFilter>(
        HnswGraph graph, RemainderPlane remainders, in Query query, TFilter filter, int places, SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        foreach (var ranked in memory.Walker.Pool.Entries[..Math.Min(places, RemainderPlane.RowsAhead)])
            remainders.Prefetch(Ranked.Node(ranked));

        var nodes = memory.Walker.Memory.Nodes;
        var distances = memory.Walker.Memory.Distances;
        var codes = memory.Walker.Memory.Addresses;
        var units = remainders.QueryOf(
            query.Vector, query.Scale, memory.Walker.Memory.Units(remainders.QueryFloats));
        for (var place = 0; place < places;)
        {
            var count = Gather(graph, filter, memory.Walker, places, ref place);
            for (var i = 0; i < count; i++)
                codes[i] = graph.Code(nodes[i]);
            remainders.Score(units, nodes, codes, count, distances);
            for (var i = 0; i < count; i++)
                OfferWithTwins(graph, filter, nodes[i], distances[i], memory.Heap);
        }
    }

    /// <summary>Takes accepted nodes of the pool from a place on, as many as are scored at once.</summary>
    private static int Gather<TFilter>(
        HnswGraph graph, TFilter filter, HnswWalker walker, int places, ref int place)
        where TFilter : struct, IRowFilter
    {
        var entries = walker.Pool.Entries;
        var count = 0;
        for (; place < places && count < SpaceMemory.BatchNodes; place++)
        {
            var node = Ranked.Node(entries[place]);
            if (IsAccepted(graph, filter, node))
                walker.Memory.Nodes[count++] = node;
        }

        return count;
    }

    /// <summary>Whether the search may return the row or a twin.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsAccepted<TFilter>(HnswGraph graph, TFilter filter, int node)
        where TFilter : struct, IRowFilter =>
        filter.Accepts(node) || (graph.HasTwins && IsTwinAccepted(graph, filter, node));

    private static bool IsTwinAccepted<TFilter>(HnswGraph graph, TFilter filter, int node)
        where TFilter : struct, IRowFilter
    {
        for (var row = graph.NextTwin(node); row != HnswGraph.NoNode; row = graph.NextTwin(row))
        {
            if (filter.Accepts(row))
                return true;
        }

        return false;
    }

    private static void OfferWithTwins<TFilter>(
        HnswGraph graph, TFilter filter, int node, float distance, BoundedHeap<IdOrder> heap)
        where TFilter : struct, IRowFilter
    {
        for (var row = node; row != HnswGraph.NoNode; row = graph.NextTwin(row))
        {
            if (filter.Accepts(row))
                heap.Offer(distance, row);
        }
    }
}
