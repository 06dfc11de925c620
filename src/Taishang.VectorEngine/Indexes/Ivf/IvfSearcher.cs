using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Looks through the lists nearest to a query: so many at least, and on until as many acceptable rows were scored as
/// these lists hold on average. So a filter, or rows that were deleted, cost further lists instead of recall. Rows in
/// lists of codes are put in order by floats at the end.
/// </summary>
internal static unsafe class IvfSearcher
{
    private const int Batch = 128;

    public static void Search<TFilter>(
        IvfLists lists,
        RowScorer scorer,
        FinalOrder order,
        in Query query,
        IvfProbe probe,
        TFilter filter,
        SearchMemory memory)
        where TFilter : struct, IRowFilter
    {
        memory.Lists.Fill(lists.Centroids, query.Vector);
        var space = memory.Walker.Memory;
        if (lists.Entries.Grid is not { } grid)
        {
            Probe(lists, probe, filter, memory, new FloatOffers(scorer, query, space, memory.Heap));
            return;
        }

        var candidates = memory.Candidates;
        candidates.Begin(probe.Kept, default);
        var coded = grid.EncodeQuery(query.Vector, query.Scale, space.Code(grid.QueryBytes));
        Probe(lists, probe, filter, memory, new CodeOffers(lists.Entries, coded, space, candidates));
        if (probe.IsByCodes)
        {
            foreach (var candidate in candidates.Finish())
                memory.Heap.Offer(coded.Estimate(candidate.Distance), candidate.Row);
            return;
        }

        OrderByFloats(order, query, candidates.Finish(), memory);
    }

    private static void Probe<TFilter, TOffers>(
        IvfLists lists, IvfProbe probe, TFilter filter, SearchMemory memory, TOffers offers)
        where TFilter : struct, IRowFilter
        where TOffers : struct, IOffers
    {
        long scored = 0;
        for (var probed = 0; probed < probe.Lists || scored < probe.Rows; probed++)
        {
            var list = memory.Lists.Pop();
            if (list < 0)
                return;

            scored += Scan(lists.Base(list), lists.Entries.Bytes, filter, memory.Walker.Memory, offers);
            for (var chunk = lists.Tails.First(list); chunk >= 0; chunk = lists.Tails.Next(chunk))
                scored += Scan(lists.Tails.Run(chunk), lists.Entries.Bytes, filter, memory.Walker.Memory, offers);
        }
    }

    private static int Scan<TFilter, TOffers>(
        IvfRun run, int entryBytes, TFilter filter, SpaceMemory space, TOffers offers)
        where TFilter : struct, IRowFilter
        where TOffers : struct, IOffers
    {
        var scored = 0;
        for (var at = 0; at < run.Count;)
        {
            var count = 0;
            for (; at < run.Count && count < Batch; at++)
            {
                if (!filter.Accepts(run.Rows[at]))
                    continue;

                space.Nodes[count] = run.Rows[at];
                space.Addresses[count++] = run.Entries + (nint)at * entryBytes;
            }

            offers.Score(count);
            scored += count;
        }

        return scored;
    }

    private static void OrderByFloats(
        FinalOrder order, in Query query, ReadOnlySpan<Neighbor> candidates, SearchMemory memory)
    {
        var space = memory.Walker.Memory;
        while (!candidates.IsEmpty)
        {
            var count = Math.Min(Batch, candidates.Length);
            for (var i = 0; i < count; i++)
                space.Nodes[i] = candidates[i].Row;

            order.Score(query, count, space);
            for (var i = 0; i < count; i++)
                memory.Heap.Offer(space.Distances[i], space.Nodes[i]);
            candidates = candidates[count..];
        }
    }

    /// <summary>Scores the rows gathered and offers them to whatever keeps the nearest.</summary>
    private interface IOffers
    {
        void Score(int count);
    }

    private readonly struct FloatOffers(RowScorer scorer, Query query, SpaceMemory space, BoundedHeap<IdOrder> heap)
        : IOffers
    {
        private readonly Query _query = query;

        public void Score(int count)
        {
            scorer.Score(_query, space.Addresses, space.Nodes, count, space.Distances);
            for (var i = 0; i < count; i++)
                heap.Offer(space.Distances[i], space.Nodes[i]);
        }
    }

    private readonly struct CodeOffers(
        IvfEntries entries, CodeQuery query, SpaceMemory space, BoundedHeap<RowOrder> candidates) : IOffers
    {
        private readonly CodeQuery _query = query;

        public void Score(int count)
        {
            var grid = entries.Grid!;
            grid.Scorer.Gathered(_query.Code, space.Addresses, count, grid.KernelBytes, space.Sums);
            for (var i = 0; i < count; i++)
            {
                var term = *(int*)(space.Addresses[i] + entries.TermOffset);
                candidates.Offer(_query.Distance(space.Sums[i], term), space.Nodes[i]);
            }
        }
    }
}

/// <summary>How much of the lists to look through.</summary>
/// <param name="Lists">At least.</param>
/// <param name="Rows">Acceptable ones to score, at least.</param>
/// <param name="Kept">Rows to keep.</param>
/// <param name="IsByCodes">Whether the distances of codes are the answer's.</param>
internal readonly record struct IvfProbe(int Lists, long Rows, int Kept, bool IsByCodes);

/// <summary>Ties by row number: what codes can not tell apart, floats will.</summary>
internal readonly struct RowOrder : ITieBreak
{
    public int Compare(int left, int right) => left.CompareTo(right);
}
