namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>What a graph will take, before there is one.</summary>
internal static unsafe class HnswMemory
{
    /// <summary>A code is padded to whole steps of the widest kernel.</summary>
    private const int CodeStepBytes = 64;

    /// <summary>Of a node's level, and where its upper lists are.</summary>
    private const int LevelBytes = 1;

    /// <summary>Of one node on all its levels, in a graph that begins with so many rows.</summary>
    public static long BytesOfNode(DistanceMetric metric, int codeBytes, int connectivity, long rows)
    {
        var packing = LinkPacking.For(rows);
        var code = RoundUp(codeBytes, sizeof(int)) + sizeof(int);
        var point = metric == DistanceMetric.Dot ? sizeof(LiftedPoint) : 0;
        var bottom = packing.Words(2 * connectivity + HnswGraph.SpareLinks) * sizeof(ulong);
        // A node stands on 1 / (M - 1) upper levels on the average.
        var upper = packing.Words(connectivity) * sizeof(ulong) / (connectivity - 1) + 1;
        var block = HnswGraph.RoundUpBlock((int)RoundUp(code + point, sizeof(ulong)) + bottom);
        return block + upper + LevelBytes;
    }

    /// <summary>Of what a row's code leaves out; rows off the grid take a little more.</summary>
    public static long BytesOfRemainders(int dimensions) =>
        Quantization.RemainderPlane.BytesOfRow(dimensions) + sizeof(int);

    /// <summary>Of a row's code with its term; a little above what it is.</summary>
    public static long BytesOfCode(int codeBytes) => RoundUp(codeBytes, CodeStepBytes) + sizeof(int);

    private static long RoundUp(long bytes, int unit) => (bytes + unit - 1) / unit * unit;
}
