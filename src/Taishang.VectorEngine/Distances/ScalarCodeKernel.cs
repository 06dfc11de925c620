namespace Taishang.VectorEngine.Distances;

/// <summary>One pair of bytes at a time: the oracle of the others, and the way of last resort.</summary>
internal readonly unsafe struct ScalarCodeKernel : ICodeKernel
{
    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = 0;
        for (nint i = 0; i < bytes; i++)
            sum += code[i] * query[i];
        return sum;
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        for (var i = 0; i < 4; i++)
            sums[i] = Dot(codes[i], query, bytes);
    }
}
