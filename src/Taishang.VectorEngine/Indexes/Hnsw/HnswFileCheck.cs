using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>What walks rely on without looking, looked at once when a graph is read.</summary>
internal static unsafe class HnswFileCheck
{
    /// <summary>A list has no gaps, and only nodes in its places.</summary>
    public static void Links(BlockFileReader reader, HnswGraph graph, int node, int level, int nodes)
    {
        if (!graph.Packing.IsSound(graph.Links(node, level), graph.WordsOf(level), nodes))
            throw reader.Corrupt($"the links of node {node} on level {level} are no list of nodes");
    }

    /// <summary>A link on a level leads to a node that stands on it.</summary>
    public static void Levels(BlockFileReader reader, HnswGraph graph, (int Node, int Level) entry, int nodes)
    {
        if (nodes > 0 && graph.LevelOf(entry.Node) < entry.Level)
            throw reader.Corrupt("the entry does not stand on its level");

        var links = stackalloc int[SpaceMemory.BatchNodes];
        for (var node = 0; node < nodes; node++)
        {
            for (var at = 0; at <= graph.LevelOf(node); at++)
            {
                var count = graph.ReadLinks(node, at, links);
                for (var i = 0; i < count; i++)
                {
                    if (graph.LevelOf(links[i]) < at)
                        throw reader.Corrupt($"node {node} links on level {at} to a node below it");
                }
            }
        }
    }
}
