using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The walk among accepted nodes alone. A walk that passes through every node scores 1/share of them for each that it
/// keeps, and all that lie nearer than the nearest accepted one when those lie far away; this one scores accepted nodes
/// and nothing else. Where a node's accepted neighbours are too few to go on from, the others are bridges: their links
/// are read, not their vectors, and accepted nodes behind them are taken as neighbours (two-hop expansion, from ACORN:
/// Patel, Kraft, Guestrin, Zaharia 2024); of few accepted nodes, bridges behind bridges too.
/// <para>
/// Accepted nodes may all lie where no bridge from the query's own place leads to. So a walk begins at some of them
/// from all over the table too.
/// </para>
/// </summary>
internal sealed unsafe partial class HnswWalker
{
    /// <summary>The share of accepted nodes below which they are few.</summary>
    public const double FewShare = 0.05;

    /// <summary>Accepted nodes, from all over the table, at which a walk begins.</summary>
    private const int Seeds = 16;

    /// <summary>Accepted neighbours, met before or not, with which a node needs no further bridge.</summary>
    private const int NeighborsEnough = 48;

    /// <summary>Bridges between a node and what is taken for its neighbour, where many nodes are accepted.</summary>
    private const int BridgesMax = 1;

    /// <summary>The same where few are: behind one bridge too few of them are met to go on from.</summary>
    private const int BridgesMaxOfFew = 2;

    /// <summary>Bridges that one node's expansion may cross.</summary>
    private const int BridgesQueued = 1_024;

    private readonly int[] _bridges = new int[BridgesQueued];

    /// <summary>
    /// Leaves the nearest accepted nodes of the bottom level in <see cref="Pool"/>. Returns false, its result
    /// unfinished, when a scan is cheaper or surer.
    /// </summary>
    public bool WalkFiltered<TSpace, TFilter>(HnswGraph graph, TSpace space, TFilter filter, FilteredWalk walk)
        where TSpace : struct, INodeSpace<TSpace>
        where TFilter : struct, IRowFilter
    {
        var nodes = Memory.Nodes;
        var budget = walk.Budget;
        _visited.Begin(walk.Limit);
        Pool.Begin(walk.Width);
        var next = 0;
        ScoreInto(space, GatherSeeds(graph, filter, walk, nodes), ref next);
        var node = walk.Start;
        do
        {
            if (Pool.PeekNext(next) is >= 0 and var likely)
                graph.PrefetchLinks(likely);

            var (count, bridges) = GatherAccepted(graph, filter, walk, node, nodes);
            budget -= bridges + walk.Costs.Nodes(count);
            if (budget < 0)
                return false;

            ScoreInto(space, count, ref next);
        }
        while ((node = Pool.TakeNext(ref next)) >= 0);

        return IsWhole(graph);
    }

    /// <summary>
    /// False when the walk found fewer nodes than it was to keep though there are more: links did not lead to them. Of
    /// many twins one node is found.
    /// </summary>
    public bool IsWhole(HnswGraph graph) => Pool.Count == Pool.Capacity || graph.HasTwins;

    /// <summary>The share of accepted nodes among those up to one bridge away from a node.</summary>
    public double ShareAround<TFilter>(HnswGraph graph, TFilter filter, int node, int limit)
        where TFilter : struct, IRowFilter
    {
        var seen = 0;
        var accepted = 0;
        var links = Memory.Links;
        var behind = Memory.LinksBehind;
        var count = graph.ReadLinks(node, 0, links);
        for (var i = 0; i < count; i++)
        {
            if (links[i] >= limit)
                continue;

            var countBehind = graph.ReadLinks(links[i], 0, behind);
            for (var j = 0; j < countBehind; j++)
            {
                if (behind[j] >= limit)
                    continue;

                seen++;
                if (HnswRanking.IsAccepted(graph, filter, behind[j]))
                    accepted++;
            }
        }

        return seen == 0 ? 1 : (double)accepted / seen;
    }

    private int GatherSeeds<TFilter>(HnswGraph graph, TFilter filter, in FilteredWalk walk, int* nodes)
        where TFilter : struct, IRowFilter
    {
        var kept = 0;
        if (HnswRanking.IsAccepted(graph, filter, walk.Start))
            nodes[kept++] = walk.Start;

        _visited.TryVisit(walk.Start);
        for (var i = 0; i < Seeds; i++)
        {
            var row = filter.NextAccepted((int)((long)walk.Limit * i / Seeds));
            if (row < 0)
                break;

            if (graph.LevelOf(row) != HnswGraph.TwinLevel && _visited.TryVisit(row))
                nodes[kept++] = row;
        }

        return kept;
    }

    private void ScoreInto<TSpace>(TSpace space, int count, ref int next)
        where TSpace : struct, INodeSpace<TSpace>
    {
        var nodes = Memory.Nodes;
        var distances = Memory.Distances;
        Scored += count;
        space.Score(nodes, count, distances);
        for (var i = 0; i < count; i++)
        {
            var ranked = Ranked.Pack(distances[i], nodes[i]);
            if (ranked < Pool.Bound)
                next = Math.Min(next, Pool.Insert(ranked));
        }
    }

    /// <summary>
    /// Accepted nodes not met before that are a node's neighbours, or are behind as many bridges as it takes to have
    /// enough. A bridge is crossed once in a walk.
    /// </summary>
    private (int Nodes, int Bridges) GatherAccepted<TFilter>(
        HnswGraph graph, TFilter filter, in FilteredWalk walk, int node, int* nodes)
        where TFilter : struct, IRowFilter
    {
        var links = Memory.Links;
        var bridgesMax = walk.Share < FewShare ? BridgesMaxOfFew : BridgesMax;
        var kept = 0;
        var near = 0;
        var queued = 0;
        var read = 0;
        var lastOfDepth = 0;
        var depth = 0;
        while (true)
        {
            var count = graph.ReadLinks(node, 0, links);
            for (var i = 0; i < count; i++)
            {
                var neighbor = links[i];
                if (neighbor >= walk.Limit)
                    continue;

                if (!HnswRanking.IsAccepted(graph, filter, neighbor))
                {
                    // The last bridge's other neighbours are bridges too many.
                    if (depth < bridgesMax && queued < BridgesQueued && _visited.TryVisit(neighbor))
                        _bridges[queued++] = neighbor;
                    continue;
                }

                near++;
                if (kept < SpaceMemory.BatchNodes && _visited.TryVisit(neighbor))
                    nodes[kept++] = neighbor;
            }

            if (read == lastOfDepth)
            {
                depth++;
                lastOfDepth = queued;
            }

            if (near >= NeighborsEnough || read == queued)
                break;

            node = _bridges[read++];
            if (read < queued)
                graph.PrefetchLinks(_bridges[read]);
        }

        // Bridges not crossed may serve another node.
        for (var i = read; i < queued; i++)
            _visited.Forget(_bridges[i]);
        return (kept, read);
    }
}

/// <summary>The bounds of a filtered walk.</summary>
/// <param name="Start">A node on the bottom level.</param>
/// <param name="Width">Accepted nodes kept.</param>
/// <param name="Limit">Nodes from this on are not the caller's to see.</param>
/// <param name="Share">Of all rows, those that the filter accepts.</param>
/// <param name="Costs">Of what it does.</param>
/// <param name="Budget">What it may cost.</param>
internal readonly record struct FilteredWalk(
    int Start, int Width, int Limit, double Share, HnswCosts Costs, double Budget);
