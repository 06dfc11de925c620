using System.Runtime.InteropServices;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// The graph on disk: connectivity, node count, entry, bits of a link, grid, under dot what its points rest on (see
/// <see cref="ProductLift"/>); whether there are remainders; then of each node its level and next twin; then the blocks
/// of the bottom level as they lie in memory; then the upper lists; then the remainders. The file belongs to the rows
/// that the manifest names beside it; it can always be made again from them.
/// </summary>
internal static unsafe class HnswFile
{
    private const int NodesBetweenChecks = 4096;

    public static void Save(IStorageDevice device, string path, HnswGraph graph, CancellationToken cancellation)
    {
        using var writer = new BlockFileWriter(device, path, FileKinds.Graph);
        var nodes = graph.Covered;
        var (entry, top) = graph.Entry;
        writer.Write(graph.Options.Connectivity);
        writer.Write(nodes);
        writer.Write(entry);
        writer.Write(top);
        writer.Write(graph.Packing.Bits);
        CodeGridFile.Write(writer, graph.Grid);
        if (graph.Lift is { } lift)
            Write(writer, lift);
        writer.Write(graph.Remainders is null ? 0 : 1);
        for (var node = 0; node < nodes; node++)
        {
            writer.Write(graph.LevelOf(node));
            writer.Write(graph.NextTwin(node));
        }

        for (var node = 0; node < nodes; node++)
        {
            if (node % NodesBetweenChecks == 0)
                cancellation.ThrowIfCancellationRequested();

            writer.Write(graph.Block(node));
        }

        for (var node = 0; node < nodes; node++)
        {
            for (var at = 1; at <= graph.LevelOf(node); at++)
            {
                writer.Write(Words(graph, node, at));
            }
        }

        if (graph.Remainders is { } remainders)
            RemainderFile.Write(writer, remainders, nodes, cancellation);
        writer.Commit();
    }

    /// <summary>Reads a graph over the first rows of a table.</summary>
    /// <param name="device">Where files are.</param>
    /// <param name="path">The file.</param>
    /// <param name="options">What the collection was made with.</param>
    /// <param name="shape">The rows that the graph may lead to.</param>
    /// <exception cref="CorruptDataException">The file is damaged or does not fit; rebuild the graph.</exception>
    public static HnswGraph Load(IStorageDevice device, string path, HnswOptions options, GraphRows shape)
    {
        using var reader = new BlockFileReader(device, path, FileKinds.Graph);
        var connectivity = reader.Read<int>();
        var nodes = reader.Read<int>();
        var entry = reader.Read<int>();
        var top = reader.Read<int>();
        if (connectivity != options.Connectivity || nodes < 0 || nodes > shape.Count)
            throw reader.Corrupt($"a graph of {nodes} nodes with {connectivity} links does not fit {shape.Count} rows");
        if (nodes > 0 && ((uint)entry >= (uint)nodes || top is < 0 or > HnswGraph.LevelMax))
            throw reader.Corrupt($"the entry {entry} on level {top} is no node");

        var packing = new LinkPacking(reader.Read<int>());
        if (packing.Bits is not (LinkPacking.NarrowBits or LinkPacking.WideBits) || nodes > packing.NodesMax)
            throw reader.Corrupt($"links of {packing.Bits} bits do not lead to {nodes} nodes");

        var grid = CodeGridFile.Read(reader, shape.Metric, shape.Dimensions);
        var lift = shape.Metric == DistanceMetric.Dot ? ReadLift(reader) : null;
        var hasRemainders = reader.Read<int>() != 0;
        var graph = new HnswGraph(options, grid, lift, packing, hasRemainders);
        try
        {
            graph.EnsureNodes(nodes);
            ReadNodes(reader, graph, nodes);
            HnswFileCheck.Levels(reader, graph, (entry, top), nodes);
            if (graph.Remainders is { } remainders)
                RemainderFile.Read(reader, remainders, nodes);
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

    private static void Write(BlockFileWriter writer, ProductLift lift)
    {
        writer.Write(lift.SquaredRadius);
        writer.Write(lift.LongestSquare);
        writer.Write(lift.MuchLonger);
    }

    private static ProductLift ReadLift(BlockFileReader reader)
    {
        var squaredRadius = reader.Read<float>();
        var longestSquare = reader.Read<float>();
        var muchLonger = reader.Read<int>();
        if (!float.IsFinite(squaredRadius) || !float.IsFinite(longestSquare) || longestSquare < 0 || muchLonger < 0)
            throw reader.Corrupt($"a radius of {squaredRadius}, a longest row of {longestSquare}, {muchLonger} longer");

        return new ProductLift(squaredRadius, longestSquare) { MuchLonger = muchLonger };
    }

    private static void ReadNodes(BlockFileReader reader, HnswGraph graph, int nodes)
    {
        for (var node = 0; node < nodes; node++)
        {
            var level = reader.Read<int>();
            var twin = reader.Read<int>();
            if ((level != HnswGraph.TwinLevel && level != graph.LevelOf(node)) || twin < HnswGraph.NoNode
                || twin >= nodes)
                throw reader.Corrupt($"node {node} has level {level} and twin {twin}");

            if (level == HnswGraph.TwinLevel)
                graph.MarkTwin(node);
            if (twin != HnswGraph.NoNode)
                graph.SetNextTwin(node, twin);
        }

        for (var node = 0; node < nodes; node++)
        {
            reader.Read(graph.Block(node));
            HnswFileCheck.Links(reader, graph, node, 0, nodes);
        }

        for (var node = 0; node < nodes; node++)
        {
            for (var at = 1; at <= graph.LevelOf(node); at++)
            {
                reader.Read(Words(graph, node, at));
                HnswFileCheck.Links(reader, graph, node, at, nodes);
            }
        }
    }

    private static Span<byte> Words(HnswGraph graph, int node, int level) =>
        MemoryMarshal.AsBytes(new Span<ulong>(graph.Links(node, level), graph.WordsOf(level)));
}

/// <summary>The rows that a graph file has to fit.</summary>
internal readonly record struct GraphRows(int Count, int Dimensions, DistanceMetric Metric);
