using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// 16 bytes at a time (Arm64 NEON, with its dot-product instruction where there is one; SSE2). Codes of 7 bits are
/// signed bytes too, so both sides are taken as such.
/// </summary>
internal readonly unsafe struct Vector128CodeKernel : ICodeKernel
{
    private const int Step = 16;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        Vector128<int> sum0 = default, sum1 = default;
        for (nint i = 0; i < bytes; i += 2 * Step)
        {
            sum0 = Add(sum0, code + i, Vector128.Load(query + i));
            sum1 = Add(sum1, code + i + Step, Vector128.Load(query + i + Step));
        }

        return Vector128.Sum(sum0 + sum1);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        byte* code0 = codes[0], code1 = codes[1], code2 = codes[2], code3 = codes[3];
        Vector128<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (nint i = 0; i < bytes; i += Step)
        {
            var part = Vector128.Load(query + i);
            sum0 = Add(sum0, code0 + i, part);
            sum1 = Add(sum1, code1 + i, part);
            sum2 = Add(sum2, code2 + i, part);
            sum3 = Add(sum3, code3 + i, part);
        }

        sums[0] = Vector128.Sum(sum0);
        sums[1] = Vector128.Sum(sum1);
        sums[2] = Vector128.Sum(sum2);
        sums[3] = Vector128.Sum(sum3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Add(Vector128<int> sum, byte* code, Vector128<sbyte> query)
    {
        var bytes = Vector128.Load((sbyte*)code);
        if (Dp.IsSupported)
            return Dp.DotProduct(sum, bytes, query);

        // A product of two signed bytes fits 16 bits; two of them need more, so they are widened before they meet.
        var (codeLow, codeHigh) = Vector128.Widen(bytes);
        var (queryLow, queryHigh) = Vector128.Widen(query);
        var (low0, low1) = Vector128.Widen(codeLow * queryLow);
        var (high0, high1) = Vector128.Widen(codeHigh * queryHigh);
        return sum + low0 + low1 + high0 + high1;
    }
}
