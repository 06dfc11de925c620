using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Makes every node reachable on the bottom level. Pruning a full list may drop the only link that led to a node; such
/// a node would never be found again. After a build the graph is flooded from its entry, and whatever was not met is
/// linked from its nearest node that was, in the spare places that pruning leaves alone.
/// </summary>
internal sealed unsafe class HnswRepair(HnswGraph graph, RowScorer scorer) : IDisposable
{
    /// <summary>Near nodes that are asked for a free place.</summary>
    private const int Width = 64;

    private readonly HnswWalker _walker = new();
    private readonly Stack<int> _pending = new();
    private int _lastLinked = HnswGraph.NoNode;
    private int _sweep;

    /// <summary>Repairs the nodes below <paramref name="rows"/>; returns how many had to be linked. No builder may work
    /// on the graph meanwhile; searches may.</summary>
    public int Run(int rows, CancellationToken cancellation)
    {
        var reached = new RowBitmap(rows);
        Flood(reached);
        var linked = 0;
        for (var node = 0; node < rows; node++)
        {
            if (graph.LevelOf(node) == HnswGraph.TwinLevel || reached.Contains(node))
                continue;

            cancellation.ThrowIfCancellationRequested();
            LinkFromNearest(node, reached, rows);
            linked++;
            Reach(node, reached);
            Drain(reached);
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

    public void Dispose() => _walker.Dispose();

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
            var links = _walker.Memory.Links;
            var count = graph.ReadLinks(node, 0, links);
            for (var i = 0; i < count; i++)
                Reach(links[i], reached);
        }
    }

    private void LinkFromNearest(int node, RowBitmap reached, int rows)
    {
        WalkTo(node, rows);
        foreach (var ranked in _walker.Pool.Entries)
        {
            var candidate = Ranked.Node(ranked);
            if (candidate != node && reached.Contains(candidate) && TryAppend(candidate, node))
            {
                _lastLinked = node;
                return;
            }
        }

        // All that are near are full. The node that was cut off before this one has room; failing that, any node has to
        // do.
        while (_lastLinked == HnswGraph.NoNode || !TryAppend(_lastLinked, node))
        {
            while (!reached.Contains(_sweep))
                _sweep++;
            _lastLinked = _sweep++;
        }

        _lastLinked = node;
    }

    private void WalkTo(int node, int rows)
    {
        switch (graph.Grid, graph.Lift)
        {
            case (null, null):
                WalkTo<FloatSpace>(node, rows);
                break;
            case (null, _):
                WalkTo<LiftedSpace<FloatSpace>>(node, rows);
                break;
            case (_, null):
                WalkTo<CodeSpace>(node, rows);
                break;
            default:
                WalkTo<LiftedSpace<CodeSpace>>(node, rows);
                break;
        }
    }

    private void WalkTo<TSpace>(int node, int rows)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var space = TSpace.Of(graph, scorer, _walker.Memory, node);
        var (entry, top) = graph.Entry;
        var start = _walker.Descend(graph, space, entry, top, 0, rows);
        _walker.Walk(graph, space, start, 0, Width, rows);
    }

    private bool TryAppend(int from, int to)
    {
        graph.Lock(from);
        var count = graph.ReadLinks(from, 0, _walker.Memory.Links);
        var free = count < graph.BottomPlaces;
        if (free)
            graph.Append(from, 0, count, to);
        graph.Unlock(from);
        return free;
    }
}
