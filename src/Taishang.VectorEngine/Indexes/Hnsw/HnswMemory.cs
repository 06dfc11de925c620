namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>What a graph will take, before there is one.</summary>
internal static unsafe class HnswMemory
{
    private const int CacheLineBytes = 64;

    /// <summary>A code is padded to whole steps of the widest kernel.</summary>
    private const int CodeStepBytes = 64;

    /// <summary>Level, upper list and twin of a node.</summary>
    private const int InfoBytes = 3 * sizeof(int);

    /// <summary>Of one node with a code, on all its levels; a little above what it is without.</summary>
    public static long BytesOfNode(int codeBytes, int connectivity)
    {
        var code = BytesOfCode(codeBytes) + sizeof(LiftedPoint);
        var bottom = (1L + 2 * connectivity + HnswGraph.SpareLinks) * sizeof(int);
        // A node stands on 1 / (M - 1) upper levels on the average.
        var upper = (1L + connectivity) * sizeof(int) / (connectivity - 1) + 1;
        return RoundUp(code + bottom, CacheLineBytes) + upper + InfoBytes;
    }

    /// <summary>Of what a row's code leaves out; rows off the grid take a little more.</summary>
    public static long BytesOfRemainders(int dimensions) =>
        Quantization.RemainderPlane.BytesOfRow(dimensions) + sizeof(int);

    /// <summary>Of a row's code with its term; a little above what it is.</summary>
    public static long BytesOfCode(int codeBytes) => RoundUp(codeBytes, CodeStepBytes) + sizeof(int);

    private static long RoundUp(long bytes, int unit) => (bytes + unit - 1) / unit * unit;
}
