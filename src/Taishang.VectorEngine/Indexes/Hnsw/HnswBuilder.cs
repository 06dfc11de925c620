using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Adds rows to a graph, one at a time; several builders may work on one graph at once, each on rows of its own. A row
/// finds its neighbours by walking, keeps those that are nearer to it than to each other (the paper's heuristic, which
/// leaves links into different directions), writes its own lists and only then lets others point to it.
/// <para>
/// A product is no metric: by it alone a few long rows are everybody's neighbours and hide all others. Under dot a row
/// gets two kinds of neighbours, which share its lists by halves: those near to it as points of a metric, which lead
/// through rows that are alike, and those of the largest products, which lead to the rows that answer searches. What
/// the heuristic leaves free is filled by order: by products it finds nearly all hidden behind the longest.
/// </para>
/// </summary>
/// <typeparam name="TNear">The metric.</typeparam>
/// <typeparam name="TAnswer">What searches order by; the same where that is a metric.</typeparam>
internal sealed unsafe class HnswBuilder<TNear, TAnswer>(HnswGraph graph, RowScorer scorer, int rows) : IHnswBuilder
    where TNear : struct, INodeSpace<TNear>
    where TAnswer : struct, INodeSpace<TAnswer>
{
    private readonly HnswWalker _walker = new();
    private readonly SpaceMemory _memory = new();
    private readonly ulong[] _ranked = new ulong[graph.BottomPlaces + 1];
    private readonly int[] _selected = new int[graph.BottomLinksMax + 1];
    private readonly int[][] _links = NewLists(graph.BottomLinksMax);
    private readonly int[] _counts = new int[HnswGraph.LevelMax + 1];

    /// <summary>Adds one row below the row count that the builder was made with, and that the graph has room
    /// for.</summary>
    public void Add(int node)
    {
        var level = graph.LevelOf(node);
        var (entry, top) = graph.Entry;
        graph.PutCode(node, scorer.Rows);
        if (entry == HnswGraph.NoNode)
        {
            graph.AddNode(node);
            graph.OfferEntry(node, level);
            return;
        }

        var space = TNear.Of(graph, scorer, _walker.Memory, node);
        var from = Math.Min(level, top);
        var near = _walker.Descend(graph, space, entry, top, from, rows);
        for (var at = from; at >= 0; at--)
        {
            _walker.Walk(graph, space, near, at, graph.Options.EfConstruction, rows);
            var found = _walker.Pool.Entries;
            near = Ranked.Node(found[0]);
            if (at == 0 && TryHangOnTwin(space, node, found))
                return;

            var most = OneMeasure ? graph.UpperLinksMax : graph.UpperLinksMax / 2;
            _counts[at] = Select<TNear>(found, (0, most), _links[at], node);
            if (OneMeasure)
                continue;

            AddAnswers(node, near, at);
            space = TNear.Of(graph, scorer, _walker.Memory, node);
        }

        graph.AddNode(node);
        for (var at = from; at >= 0; at--)
            WriteOwnLinks(node, at);
        for (var at = from; at >= 0; at--)
        {
            for (var i = 0; i < _counts[at]; i++)
                LinkBack(_links[at][i], node, at);
        }

        if (level > top)
            graph.OfferEntry(node, level);
    }

    public void Dispose()
    {
        _walker.Dispose();
        _memory.Dispose();
    }

    private static bool OneMeasure => typeof(TNear) == typeof(TAnswer);

    /// <summary>Adds the neighbours by the measure of searches, on the bottom level twice as many as the others: the
    /// place is there.</summary>
    private void AddAnswers(int node, int start, int level)
    {
        var space = TAnswer.Of(graph, scorer, _walker.Memory, node);
        _walker.Walk(graph, space, start, level, graph.Options.EfConstruction, rows);
        var most = level == 0 ? graph.UpperLinksMax : graph.UpperLinksMax / 2;
        var first = _counts[level];
        _counts[level] = Select<TAnswer>(_walker.Pool.Entries, (first, first + most), _links[level], node);
    }

    private bool TryHangOnTwin(TNear space, int node, ReadOnlySpan<ulong> found)
    {
        // A twin lies exactly as far from the row as the row itself, which rounding need not make zero.
        var vector = scorer.Rows.VectorSpan(node);
        var own = space.Score(node);
        foreach (var ranked in found)
        {
            var candidate = Ranked.Node(ranked);
            if (Ranked.Distance(ranked) != own || !vector.SequenceEqual(scorer.Rows.VectorSpan(candidate)))
                continue;

            graph.AddTwin(candidate, node);
            return true;
        }

        return false;
    }

    private void WriteOwnLinks(int node, int level)
    {
        graph.Lock(node);
        graph.WriteLinks(node, level, _links[level].AsSpan(0, _counts[level]));
        graph.Unlock(node);
    }

    private void LinkBack(int from, int to, int level)
    {
        graph.Lock(from);
        try
        {
            var nodes = _memory.Nodes;
            var count = graph.ReadLinks(from, level, nodes);
            if (new ReadOnlySpan<int>(nodes, count).Contains(to))
                return;

            if (count < graph.LinksMax(level))
                graph.Append(from, level, count, to);
            else
                Prune(from, to, level, count);
        }
        finally
        {
            graph.Unlock(from);
        }
    }

    /// <summary>Chooses anew among the neighbours of a full list, which were gathered, and one more; the caller holds
    /// the lock.</summary>
    private void Prune(int from, int to, int level, int count)
    {
        _memory.Nodes[count++] = to;
        var most = graph.LinksMax(level);
        var kept = Select<TNear>(Rank<TNear>(from, count), (0, OneMeasure ? most : most / 2), _selected, from);
        if (!OneMeasure)
        {
            // Choosing uses the memory that the nodes were gathered in for nothing but codes: they are still there.
            kept = Select<TAnswer>(Rank<TAnswer>(from, count), (kept, most), _selected, from);
        }

        graph.WriteLinks(from, level, _selected.AsSpan(0, kept));
    }

    /// <summary>The gathered nodes in the order of their distance to one.</summary>
    private Span<ulong> Rank<TSpace>(int from, int count)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var nodes = _memory.Nodes;
        var distances = _memory.Distances;
        TSpace.Of(graph, scorer, _memory, from).Score(nodes, count, distances);
        var ranked = _ranked.AsSpan(0, count);
        for (var i = 0; i < count; i++)
            ranked[i] = Ranked.Pack(distances[i], nodes[i]);
        ranked.Sort();
        return ranked;
    }

    /// <summary>The paper's heuristic over candidates in order of distance: one is kept when none that was kept by the
    /// same measure is nearer to it than the node itself.</summary>
    /// <param name="candidates">In order.</param>
    /// <param name="places">Of <paramref name="selected"/>, the first and the one behind the last to be filled; those
    /// before hold what another measure kept, which is not kept twice.</param>
    /// <param name="selected">Takes them.</param>
    /// <param name="node">Whose neighbours they become.</param>
    /// <returns>The place behind the last one kept.</returns>
    private int Select<TSpace>(ReadOnlySpan<ulong> candidates, (int First, int End) places, int[] selected, int node)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var count = places.First;
        foreach (var ranked in candidates)
        {
            var candidate = Ranked.Node(ranked);
            if (candidate == node || selected.AsSpan(0, places.First).Contains(candidate))
                continue;

            var kept = selected.AsSpan(places.First, count - places.First);
            if (!IsHidden<TSpace>(candidate, Ranked.Distance(ranked), kept))
                selected[count++] = candidate;
            if (count == places.End)
                return count;
        }

        return OneMeasure ? count : Fill(candidates, (count, places.End), selected, node);
    }

    private static int Fill(ReadOnlySpan<ulong> candidates, (int First, int End) places, int[] selected, int node)
    {
        var count = places.First;
        foreach (var ranked in candidates)
        {
            if (count == places.End)
                break;

            var candidate = Ranked.Node(ranked);
            if (candidate != node && !selected.AsSpan(0, count).Contains(candidate))
                selected[count++] = candidate;
        }

        return count;
    }

    private bool IsHidden<TSpace>(int candidate, float distance, ReadOnlySpan<int> selected)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var space = TSpace.Of(graph, scorer, _memory, candidate);
        foreach (var other in selected)
        {
            if (space.Score(other) < distance)
                return true;
        }

        return false;
    }

    private static int[][] NewLists(int linksMax)
    {
        var lists = new int[HnswGraph.LevelMax + 1][];
        for (var i = 0; i < lists.Length; i++)
            lists[i] = new int[linksMax];
        return lists;
    }
}
