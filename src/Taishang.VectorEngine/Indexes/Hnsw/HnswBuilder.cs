using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Adds rows to a graph, one at a time; several builders may work on one graph at once, each on rows of its own. A row
/// finds its neighbours by walking, keeps those that are nearer to it than to each other (the paper's heuristic, which
/// leaves links into different directions), writes its own lists and only then lets others point to it.
/// </summary>
internal sealed unsafe class HnswBuilder<TSpace>(HnswGraph graph, RowScorer scorer, int rows) : IHnswBuilder
    where TSpace : struct, INodeSpace<TSpace>
{
    private readonly HnswWalker _walker = new();
    private readonly SpaceMemory _memory = new();
    private readonly ulong[] _ranked = new ulong[graph.BottomLinksMax + HnswGraph.SpareLinks + 1];
    private readonly int[] _selected = new int[graph.BottomLinksMax + 1];
    private readonly int[][] _links = NewLists(graph.UpperLinksMax);
    private readonly int[] _counts = new int[HnswGraph.LevelMax + 1];

    /// <summary>Adds one row below the row count that the builder was made with, and that the graph has room
    /// for.</summary>
    public void Add(int node)
    {
        var level = HnswLevels.Of(node, graph.UpperLinksMax);
        var (entry, top) = graph.Entry;
        graph.PutCode(node, scorer.Rows);
        if (entry == HnswGraph.NoNode)
        {
            graph.AddNode(node, level);
            graph.OfferEntry(node, level);
            return;
        }

        var space = TSpace.Of(graph, scorer, _walker.Memory, node);
        var from = Math.Min(level, top);
        var near = _walker.Descend(graph, space, entry, top, from, rows);
        for (var at = from; at >= 0; at--)
        {
            _walker.Walk(graph, space, near, at, graph.Options.EfConstruction, rows);
            var found = _walker.Pool.Entries;
            near = Ranked.Node(found[0]);
            if (at == 0 && TryHangOnTwin(space, node, found))
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

    public void Dispose()
    {
        _walker.Dispose();
        _memory.Dispose();
    }

    private bool TryHangOnTwin(TSpace space, int node, ReadOnlySpan<ulong> found)
    {
        // A twin lies exactly as far from the row as the row itself (which under dot is not at the front).
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
        var nodes = _memory.Nodes;
        var distances = _memory.Distances;
        new ReadOnlySpan<int>(links + 1, count - 1).CopyTo(new Span<int>(nodes, count));
        nodes[count - 1] = to;
        TSpace.Of(graph, scorer, _memory, from).Score(nodes, count, distances);

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
