using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>32 bytes at a time where one instruction multiplies and sums them into 32 bits (AVX-VNNI).</summary>
internal readonly unsafe struct AvxVnniCodeKernel : ICodeKernel
{
    private const int Step = 32;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        Vector256<int> sum0 = default, sum1 = default;
        nint i = 0;
        for (; i <= bytes - 2 * Step; i += 2 * Step)
        {
            sum0 = Add(sum0, code + i, Vector256.Load(query + i));
            sum1 = Add(sum1, code + i + Step, Vector256.Load(query + i + Step));
        }

        if (i < bytes)
            sum0 = Add(sum0, code + i, Vector256.Load(query + i));
        return Vector256.Sum(sum0 + sum1);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        byte* code0 = codes[0], code1 = codes[1], code2 = codes[2], code3 = codes[3];
        Vector256<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (nint i = 0; i < bytes; i += Step)
        {
            var part = Vector256.Load(query + i);
            sum0 = Add(sum0, code0 + i, part);
            sum1 = Add(sum1, code1 + i, part);
            sum2 = Add(sum2, code2 + i, part);
            sum3 = Add(sum3, code3 + i, part);
        }

        var pairs = Avx2.HorizontalAdd(Avx2.HorizontalAdd(sum0, sum1), Avx2.HorizontalAdd(sum2, sum3));
        (pairs.GetLower() + pairs.GetUpper()).Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sum, byte* code, Vector256<sbyte> query) =>
        AvxVnni.MultiplyWideningAndAdd(sum, Vector256.Load(code), query);
}
