using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Adds rows to a graph, one at a time; several builders may work on one graph at once, each on rows of its own. A row
/// finds its neighbours by walking, keeps those that are nearer to it than to each other (the paper's heuristic, which
/// leaves links into different directions), writes its own lists and only then lets others point to it.
/// </summary>
internal sealed unsafe class HnswBuilder(HnswGraph graph, RowScorer scorer, int rows)
{
    private readonly HnswWalker _walker = new();
    private readonly ulong[] _ranked = new ulong[graph.BottomLinksMax + HnswGraph.SpareLinks + 1];
    private readonly int[] _selected = new int[graph.BottomLinksMax + 1];
    private readonly int[][] _links = NewLists(graph.UpperLinksMax);
    private readonly int[] _counts = new int[HnswGraph.LevelMax + 1];

    /// <summary>The level of a node: the paper's distribution, drawn from the node's number alone, so that a build
    /// gives the same levels whatever the order of its threads.</summary>
    public static int LevelOf(int node, int connectivity)
    {
        var mixed = (ulong)node * 0x9E37_79B9_7F4A_7C15 + 0x1234_5678_9ABC_DEF1;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        mixed ^= mixed >> 31;
        var uniform = ((mixed >> 11) + 1) * (1.0 / (1UL << 53));
        return Math.Min(HnswGraph.LevelMax, (int)(-Math.Log(uniform) / Math.Log(connectivity)));
    }

    /// <summary>Adds one row below the row count that the builder was made with, and that the graph has room
    /// for.</summary>
    public void Add(int node)
    {
        var level = LevelOf(node, graph.UpperLinksMax);
        var (entry, top) = graph.Entry;
        if (entry == HnswGraph.NoNode)
        {
            graph.AddNode(node, level);
            graph.OfferEntry(node, level);
            return;
        }

        var query = scorer.QueryOf(node);
        var from = Math.Min(level, top);
        var near = _walker.Descend(graph, scorer, query, entry, top, from, rows);
        for (var at = from; at >= 0; at--)
        {
            _walker.Walk(graph, scorer, query, near, at, graph.Options.EfConstruction, rows);
            var found = _walker.Pool.Entries;
            near = Ranked.Node(found[0]);
            if (at == 0 && TryHangOnTwin(node, found))
                return;

            _counts[at] = Select(found, graph.UpperLinksMax, _links[at], node);
        }

        graph.AddNode(node, level);
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

    private bool TryHangOnTwin(int node, ReadOnlySpan<ulong> found)
    {
        // A twin lies exactly as far from the row as the row itself (which under dot is not at the front).
        var vector = scorer.Rows.VectorSpan(node);
        var own = scorer.Score(scorer.QueryOf(node), node);
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
        var links = graph.Links(node, level);
        for (var i = 0; i < _counts[level]; i++)
            HnswGraph.Append(links, _links[level][i]);
        graph.Unlock(node);
    }

    private void LinkBack(int from, int to, int level)
    {
        graph.Lock(from);
        try
        {
            var links = graph.Links(from, level);
            var count = links[0];
            if (new ReadOnlySpan<int>(links + 1, count).Contains(to))
                return;

            if (count < graph.LinksMax(level))
                HnswGraph.Append(links, to);
            else
                Prune(from, to, level, links);
        }
        finally
        {
            graph.Unlock(from);
        }
    }

    /// <summary>Chooses anew among the neighbours of a full list and one more; the caller holds the lock.</summary>
    private void Prune(int from, int to, int level, int* links)
    {
        var count = links[0] + 1;
        var nodes = stackalloc int[RowScorer.BatchRows];
        var distances = stackalloc float[RowScorer.BatchRows];
        new ReadOnlySpan<int>(links + 1, count - 1).CopyTo(new Span<int>(nodes, count));
        nodes[count - 1] = to;
        var query = scorer.QueryOf(from);
        for (var i = 0; i < count; i += RowScorer.BatchRows)
            scorer.Score(query, nodes + i, Math.Min(RowScorer.BatchRows, count - i), distances + i);

        var ranked = _ranked.AsSpan(0, count);
        for (var i = 0; i < count; i++)
            ranked[i] = Ranked.Pack(distances[i], nodes[i]);
        ranked.Sort();

        var kept = Select(ranked, graph.LinksMax(level), _selected, from);
        for (var i = 0; i < kept; i++)
            links[i + 1] = _selected[i];
        Volatile.Write(ref *links, kept);
    }

    /// <summary>The paper's heuristic over candidates in order of distance: one is kept when no kept one is nearer to
    /// it than the node itself.</summary>
    private int Select(ReadOnlySpan<ulong> candidates, int most, int[] selected, int node)
    {
        var count = 0;
        foreach (var ranked in candidates)
        {
            var candidate = Ranked.Node(ranked);
            if (candidate == node)
                continue;

            if (!IsHidden(candidate, Ranked.Distance(ranked), selected.AsSpan(0, count)))
                selected[count++] = candidate;
            if (count == most)
                break;
        }

        return count;
    }

    private bool IsHidden(int candidate, float distance, ReadOnlySpan<int> selected)
    {
        var query = scorer.QueryOf(candidate);
        foreach (var other in selected)
        {
            if (scorer.Score(query, other) < distance)
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
