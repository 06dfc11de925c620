using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// 64 bytes at a time (AVX-512BW), by the same pair of instructions as <see cref="Avx2CodeKernel"/>; a last half step
/// is done at 32 bytes.
/// </summary>
internal readonly unsafe struct Avx512CodeKernel : ICodeKernel
{
    private const int Step = 64;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = Vector512<int>.Zero;
        nint i = 0;
        for (; i <= bytes - Step; i += Step)
            sum = Add(sum, code + i, Vector512.Load(query + i));

        var total = Vector512.Sum(sum);
        return i == bytes ? total : total + Avx2CodeKernel.Dot(code + i, query + i, bytes - i);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        byte* code0 = codes[0], code1 = codes[1], code2 = codes[2], code3 = codes[3];
        Vector512<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= bytes - Step; i += Step)
        {
            var part = Vector512.Load(query + i);
            sum0 = Add(sum0, code0 + i, part);
            sum1 = Add(sum1, code1 + i, part);
            sum2 = Add(sum2, code2 + i, part);
            sum3 = Add(sum3, code3 + i, part);
        }

        var half0 = Halve(sum0);
        var half1 = Halve(sum1);
        var half2 = Halve(sum2);
        var half3 = Halve(sum3);
        if (i < bytes)
        {
            var part = Vector256.Load(query + i);
            half0 = Avx2CodeKernel.Add(half0, code0 + i, part);
            half1 = Avx2CodeKernel.Add(half1, code1 + i, part);
            half2 = Avx2CodeKernel.Add(half2, code2 + i, part);
            half3 = Avx2CodeKernel.Add(half3, code3 + i, part);
        }

        var pairs = Avx2.HorizontalAdd(Avx2.HorizontalAdd(half0, half1), Avx2.HorizontalAdd(half2, half3));
        (pairs.GetLower() + pairs.GetUpper()).Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Halve(Vector512<int> sum) => sum.GetLower() + sum.GetUpper();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Add(Vector512<int> sum, byte* code, Vector512<sbyte> query) =>
        sum + Avx512BW.MultiplyAddAdjacent(
            Avx512BW.MultiplyAddAdjacent(Vector512.Load(code), query), Vector512<short>.One);
}
