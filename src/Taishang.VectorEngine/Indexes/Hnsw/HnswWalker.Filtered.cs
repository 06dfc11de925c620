using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>The walk that tells nodes it passes through from nodes it keeps.</summary>
internal sealed unsafe partial class HnswWalker
{
    private readonly MinHeap _frontier = new();

    /// <summary>
    /// Best-first search on the bottom level that passes through every node but keeps accepted ones alone. Returns
    /// false, its result unfinished, when it has scored <paramref name="walk"/>'s budget: a scan is cheaper then.
    /// </summary>
    public bool WalkFiltered<TSpace, TFilter>(HnswGraph graph, TSpace space, TFilter filter, FilteredWalk walk)
        where TSpace : struct, INodeSpace<TSpace>
        where TFilter : struct, IRowFilter
    {
        var nodes = Memory.Nodes;
        var distances = Memory.Distances;
        var end = Scored + walk.Budget;
        _visited.Begin(walk.Limit);
        _frontier.Clear();
        Pool.Begin(walk.Width);
        _visited.TryVisit(walk.Start);
        Take(graph, filter, Ranked.Pack(space.Score(walk.Start), walk.Start));
        while (_frontier.Count > 0)
        {
            var nearest = _frontier.Pop();
            if (nearest > Pool.Bound)
                break;

            if (Scored >= end)
                return false;

            var count = GatherUnvisited(graph.Links(Ranked.Node(nearest), 0), nodes, walk.Limit);
            Scored += count;
            space.Score(nodes, count, distances);
            for (var i = 0; i < count; i++)
                Take(graph, filter, Ranked.Pack(distances[i], nodes[i]));
        }

        return true;
    }

    private void Take<TFilter>(HnswGraph graph, TFilter filter, ulong ranked)
        where TFilter : struct, IRowFilter
    {
        if (ranked >= Pool.Bound)
            return;

        _frontier.Push(ranked);
        for (var row = Ranked.Node(ranked); row != HnswGraph.NoNode; row = graph.NextTwin(row))
        {
            if (!filter.Accepts(row))
                continue;

            Pool.Insert(ranked);
            return;
        }
    }
}

/// <summary>The bounds of a filtered walk.</summary>
/// <param name="Start">A node on the bottom level.</param>
/// <param name="Width">Accepted nodes kept.</param>
/// <param name="Limit">Nodes from this on are not the caller's to see.</param>
/// <param name="Budget">Rows that may be scored.</param>
internal readonly record struct FilteredWalk(int Start, int Width, int Limit, long Budget);
