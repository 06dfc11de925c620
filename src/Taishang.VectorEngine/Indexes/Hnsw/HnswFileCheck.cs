using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>What walks rely on without looking, looked at once when a graph is read.</summary>
internal static unsafe class HnswFileCheck
{
    /// <summary>A list has no more than its places, and only nodes in them.</summary>
    public static void Links(BlockFileReader reader, HnswGraph graph, int node, int level, int nodes)
    {
        var links = graph.Links(node, level);
        var most = graph.LinksMax(level) + (level == 0 ? HnswGraph.SpareLinks : 0);
        if ((uint)links[0] > (uint)most)
            throw reader.Corrupt($"node {node} has {links[0]} links on level {level}");

        for (var i = 1; i <= links[0]; i++)
        {
            if ((uint)links[i] >= (uint)nodes)
                throw reader.Corrupt($"node {node} links to {links[i]}, which is no node");
        }
    }

    /// <summary>A link on a level leads to a node that stands on it.</summary>
    public static void Levels(BlockFileReader reader, HnswGraph graph, (int Node, int Level) entry, int nodes)
    {
        if (nodes > 0 && graph.LevelOf(entry.Node) < entry.Level)
            throw reader.Corrupt("the entry does not stand on its level");

        for (var node = 0; node < nodes; node++)
        {
            for (var at = 0; at <= graph.LevelOf(node); at++)
            {
                var links = graph.Links(node, at);
                for (var i = 1; i <= links[0]; i++)
                {
                    if (graph.LevelOf(links[i]) < at)
                        throw reader.Corrupt($"node {node} links on level {at} to a node below it");
                }
            }
        }
    }
}
