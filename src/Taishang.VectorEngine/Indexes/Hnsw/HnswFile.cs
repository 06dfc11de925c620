using System.Runtime.InteropServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The graph on disk: connectivity, node count, entry, then of each node its level, next twin and lists. The file
/// belongs to the rows that the manifest names beside it; it can always be made again from them.
/// </summary>
internal static unsafe class HnswFile
{
    public static void Save(IStorageDevice device, string path, HnswGraph graph, CancellationToken cancellation)
    {
        using var writer = new BlockFileWriter(device, path, FileKinds.Graph);
        var nodes = graph.Covered;
        var (entry, top) = graph.Entry;
        writer.Write(graph.Options.Connectivity);
        writer.Write(nodes);
        writer.Write(entry);
        writer.Write(top);
        for (var node = 0; node < nodes; node++)
        {
            if ((node & 0xFFF) == 0)
                cancellation.ThrowIfCancellationRequested();

            var level = graph.LevelOf(node);
            writer.Write(level);
            writer.Write(graph.NextTwin(node));
            for (var at = 0; at <= level; at++)
            {
                var links = graph.Links(node, at);
                writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(links, links[0] + 1)));
            }
        }

        writer.Commit();
    }

    /// <summary>Reads a graph over the first <paramref name="rows"/> rows.</summary>
    /// <exception cref="CorruptDataException">The file is damaged or does not fit; rebuild the graph.</exception>
    public static HnswGraph Load(IStorageDevice device, string path, HnswOptions options, int rows)
    {
        using var reader = new BlockFileReader(device, path, FileKinds.Graph);
        var connectivity = reader.Read<int>();
        var nodes = reader.Read<int>();
        var entry = reader.Read<int>();
        var top = reader.Read<int>();
        if (connectivity != options.Connectivity || nodes < 0 || nodes > rows)
            throw reader.Corrupt($"a graph of {nodes} nodes with {connectivity} links does not fit {rows} rows");
        if (nodes > 0 && ((uint)entry >= (uint)nodes || top is < 0 or > HnswGraph.LevelMax))
            throw reader.Corrupt($"the entry {entry} on level {top} is no node");

        var graph = new HnswGraph(options);
        try
        {
            graph.EnsureNodes(nodes);
            for (var node = 0; node < nodes; node++)
                ReadNode(reader, graph, node, nodes);
            CheckLevels(reader, graph, entry, top, nodes);
        }
        catch
        {
            graph.Dispose();
            throw;
        }

        if (nodes > 0)
            graph.Entry = (entry, top);
        graph.Covered = nodes;
        return graph;
    }

    private static void ReadNode(BlockFileReader reader, HnswGraph graph, int node, int nodes)
    {
        var level = reader.Read<int>();
        var twin = reader.Read<int>();
        if (level is < HnswGraph.TwinLevel or > HnswGraph.LevelMax || twin < HnswGraph.NoNode || twin >= nodes)
            throw reader.Corrupt($"node {node} has level {level} and twin {twin}");

        graph.AddNode(node, level);
        graph.SetNextTwin(node, twin);
        for (var at = 0; at <= level; at++)
        {
            var count = reader.Read<int>();
            var most = graph.LinksMax(at) + (at == 0 ? HnswGraph.SpareLinks : 0);
            if (count < 0 || count > most)
                throw reader.Corrupt($"node {node} has {count} links on level {at}");

            var links = graph.Links(node, at);
            var neighbors = new Span<int>(links + 1, count);
            reader.Read(MemoryMarshal.AsBytes(neighbors));
            foreach (var neighbor in neighbors)
            {
                if ((uint)neighbor >= (uint)nodes)
                    throw reader.Corrupt($"node {node} links to {neighbor}, which is no node");
            }

            links[0] = count;
        }
    }

    /// <summary>A link on a level leads to a node that stands on it: walks rely on that.</summary>
    private static void CheckLevels(BlockFileReader reader, HnswGraph graph, int entry, int top, int nodes)
    {
        if (nodes > 0 && graph.LevelOf(entry) < top)
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
