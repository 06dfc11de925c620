namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>What a graph will take, before there is one.</summary>
internal static unsafe class HnswMemory
{
    /// <summary>A code is padded to whole steps of the widest kernel.</summary>
    private const int CodeStepBytes = 64;

    /// <summary>Of a node's level, and where its upper lists are.</summary>
    private const int LevelBytes = 1;

    /// <summary>Of one node with a code, on all its levels, in a graph of so many rows; a little above what it is
    /// without.</summary>
    public static long BytesOfNode(int codeBytes, int connectivity, long rows)
    {
        var packing = LinkPacking.For(rows);
        var code = BytesOfCode(codeBytes) + sizeof(LiftedPoint);
        var bottom = packing.Words(2 * connectivity + HnswGraph.SpareLinks) * sizeof(ulong);
        // A node stands on 1 / (M - 1) upper levels on the average.
        var upper = packing.Words(connectivity) * sizeof(ulong) / (connectivity - 1) + 1;
        return HnswGraph.RoundUpBlock((int)code + bottom) + upper + LevelBytes;
    }

    /// <summary>Of what a row's code leaves out; rows off the grid take a little more.</summary>
    public static long BytesOfRemainders(int dimensions) =>
        Quantization.RemainderPlane.BytesOfRow(dimensions) + sizeof(int);

    /// <summary>Of a row's code with its term; a little above what it is.</summary>
    public static long BytesOfCode(int codeBytes) => RoundUp(codeBytes, CodeStepBytes) + sizeof(int);

    private static long RoundUp(long bytes, int unit) => (bytes + unit - 1) / unit * unit;
}
