using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Makes every node reachable on the bottom level. Pruning a full list may drop the only link that led to a node; such
/// a node would never be found again. After a build the graph is flooded from its entry, and whatever was not met is
/// linked from its nearest node that was, in the spare places that pruning leaves alone.
/// </summary>
internal sealed unsafe class HnswRepair(HnswGraph graph, RowScorer scorer)
{
    /// <summary>Near nodes that are asked for a free place before a link of the nearest is given up.</summary>
    private const int Width = 64;

    /// <summary>Giving up a link may cut off another node: look again, this often at most.</summary>
    private const int PassesMax = 4;

    private readonly HnswWalker _walker = new();
    private readonly Stack<int> _pending = new();

    /// <summary>Repairs the nodes below <paramref name="rows"/>; returns how many had to be linked. No builder may work
    /// on the graph meanwhile; searches may.</summary>
    public int Run(int rows, CancellationToken cancellation)
    {
        var linked = 0;
        for (var pass = 0; pass < PassesMax; pass++)
        {
            var (before, gaveUp) = RunOnce(rows, cancellation);
            linked += before;
            if (!gaveUp)
                break;
        }

        return linked;
    }

    /// <summary>Nodes below <paramref name="rows"/> that no path from the entry reaches.</summary>
    public int CountUnreachable(int rows)
    {
        var reached = new RowBitmap(rows);
        Flood(reached);
        var count = 0;
        for (var node = 0; node < rows; node++)
        {
            if (graph.LevelOf(node) != HnswGraph.TwinLevel && !reached.Contains(node))
                count++;
        }

        return count;
    }

    private (int Linked, bool GaveUpLinks) RunOnce(int rows, CancellationToken cancellation)
    {
        var reached = new RowBitmap(rows);
        Flood(reached);
        var linked = 0;
        var gaveUp = false;
        for (var node = 0; node < rows; node++)
        {
            if (graph.LevelOf(node) == HnswGraph.TwinLevel || reached.Contains(node))
                continue;

            cancellation.ThrowIfCancellationRequested();
            gaveUp |= LinkFromNearest(node, reached, rows);
            linked++;
            Reach(node, reached);
            Drain(reached);
        }

        return (linked, gaveUp);
    }

    private void Flood(RowBitmap reached)
    {
        var (entry, _) = graph.Entry;
        if (entry == HnswGraph.NoNode)
            return;

        Reach(entry, reached);
        Drain(reached);
    }

    private void Reach(int node, RowBitmap reached)
    {
        if (node >= reached.Rows || reached.Contains(node))
            return;

        reached.Add(node);
        _pending.Push(node);
    }

    private void Drain(RowBitmap reached)
    {
        while (_pending.TryPop(out var node))
        {
            var links = graph.Links(node, 0);
            for (var i = 1; i <= links[0]; i++)
                Reach(links[i], reached);
        }
    }

    private bool LinkFromNearest(int node, RowBitmap reached, int rows)
    {
        var (entry, top) = graph.Entry;
        var query = scorer.QueryOf(node);
        var start = _walker.Descend(graph, scorer, query, entry, top, 0, rows);
        _walker.Walk(graph, scorer, query, start, 0, Width, rows);
        var nearest = HnswGraph.NoNode;
        foreach (var ranked in _walker.Pool.Entries)
        {
            var candidate = Ranked.Node(ranked);
            if (candidate == node || !reached.Contains(candidate))
                continue;

            if (nearest == HnswGraph.NoNode)
                nearest = candidate;
            if (TryAppend(candidate, node))
                return false;
        }

        // An upper level may lead into an island that the flood did not reach: the entry always was.
        ReplaceLast(nearest == HnswGraph.NoNode ? entry : nearest, node);
        return true;
    }

    private bool TryAppend(int from, int to)
    {
        graph.Lock(from);
        var links = graph.Links(from, 0);
        var free = links[0] < graph.BottomLinksMax + HnswGraph.SpareLinks;
        if (free)
            HnswGraph.Append(links, to);
        graph.Unlock(from);
        return free;
    }

    private void ReplaceLast(int from, int to)
    {
        graph.Lock(from);
        var links = graph.Links(from, 0);
        links[links[0]] = to;
        graph.Unlock(from);
    }
}
