using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Walks through a graph: greedily down the upper levels, then by best-first search on one level. Holds the memory that
/// a walk needs, so one walker serves one thread at a time and is reused.
/// <para>
/// Neighbours of a node are gathered first and scored as one batch, because they lie anywhere in memory and fetching
/// them side by side is what a walk's speed depends on.
/// </para>
/// </summary>
internal sealed unsafe partial class HnswWalker : IDisposable
{
    private readonly VisitedSet _visited = new();

    /// <summary>The nearest nodes of the last walk, in order.</summary>
    public SortedPool Pool { get; } = new();

    public SpaceMemory Memory { get; } = new();

    /// <summary>Nodes scored by this walker so far; a budget and a measure.</summary>
    public long Scored { get; private set; }

    /// <summary>The nearest node that greedy steps find from level <paramref name="from"/> down to above
    /// <paramref name="to"/>.</summary>
    public int Descend<TSpace>(HnswGraph graph, TSpace space, int start, int from, int to, int limit)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var nodes = Memory.Nodes;
        var distances = Memory.Distances;
        var best = start;
        var bestDistance = space.Score(start);

        // Steps only ever come nearer, so what was scored once, on whatever level, need not be scored again.
        _visited.Begin(limit);
        _visited.TryVisit(start);
        for (var level = from; level > to; level--)
        {
            var moved = true;
            while (moved)
            {
                moved = false;
                var count = GatherUnvisited(graph, best, level, nodes, limit);
                Scored += count;
                space.Score(nodes, count, distances);
                for (var i = 0; i < count; i++)
                {
                    if (distances[i] >= bestDistance)
                        continue;

                    bestDistance = distances[i];
                    best = nodes[i];
                    moved = true;
                }
            }
        }

        return best;
    }

    /// <summary>
    /// Best-first search on one level; leaves the nearest <paramref name="width"/> nodes in <see cref="Pool"/>. Nodes
    /// at or above <paramref name="limit"/> are not yet the caller's to see.
    /// </summary>
    public void Walk<TSpace>(HnswGraph graph, TSpace space, int start, int level, int width, int limit)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var nodes = Memory.Nodes;
        var distances = Memory.Distances;
        _visited.Begin(limit);
        Pool.Begin(width);
        _visited.TryVisit(start);
        Pool.Insert(Ranked.Pack(space.Score(start), start));
        var next = 0;
        int node;
        while ((node = Pool.TakeNext(ref next)) >= 0)
        {
            if (level == 0 && Pool.PeekNext(next) is >= 0 and var likely)
                graph.PrefetchLinks(likely);

            var count = GatherUnvisited(graph, node, level, nodes, limit);
            Scored += count;
            space.Score(nodes, count, distances);
            for (var i = 0; i < count; i++)
            {
                var ranked = Ranked.Pack(distances[i], nodes[i]);
                if (ranked < Pool.Bound)
                    next = Math.Min(next, Pool.Insert(ranked));
            }
        }
    }

    public void Dispose()
    {
        _visited.Dispose();
        Memory.Dispose();
    }

    /// <summary>Copies what was not met yet of a list; the widest one fits a batch (see
    /// <see cref="Limits.ConnectivityMax"/>).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int GatherUnvisited(HnswGraph graph, int node, int level, int* nodes, int limit)
    {
        var words = graph.Links(node, level);
        var end = words + graph.WordsOf(level);
        var bits = graph.Packing.Bits;
        var mask = graph.Packing.Mask;
        var kept = 0;
        for (; words < end; words++)
        {
            // The numbers are taken out here and not by LinkPacking.Read: this loop is a good part of a walk.
            for (var word = Volatile.Read(ref *words); word != 0; word >>= bits)
            {
                var neighbor = (int)(word & mask) - 1;
                if (neighbor < limit && _visited.TryVisit(neighbor))
                    nodes[kept++] = neighbor;
            }
        }

        return kept;
    }
}
