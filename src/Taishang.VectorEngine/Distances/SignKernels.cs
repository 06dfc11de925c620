using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>Sums a query's components where a bit is set, one at a time: the oracle of the others.</summary>
internal readonly unsafe struct ScalarSignKernel : ICodeKernel
{
    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = 0;
        for (nint i = 0; i < bytes * 8; i++)
            sum += (code[i >> 3] >> (int)(i & 7) & 1) * query[i];
        return sum;
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums) =>
        FourPairs.Dot<ScalarSignKernel>(codes, query, bytes, sums);
}

/// <summary>16 components at a time, on whatever the machine has.</summary>
internal readonly unsafe struct Vector128SignKernel : ICodeKernel
{
    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var bits = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128);
        var sum = Vector128<int>.Zero;
        for (nint i = 0; i < bytes; i += 2)
        {
            var spread = Vector128.Create(Vector64.Create(code[i]), Vector64.Create(code[i + 1]));
            var isSet = Vector128.Equals(spread & bits, bits).AsSByte();
            var (low, high) = Vector128.Widen(Vector128.Load(query + 8 * i) & isSet);
            var (sum0, sum1) = Vector128.Widen(low + high);
            sum += sum0 + sum1;
        }

        return Vector128.Sum(sum);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums) =>
        FourPairs.Dot<Vector128SignKernel>(codes, query, bytes, sums);
}

/// <summary>
/// 32 components at a time (AVX2): each byte of a code is spread over eight lanes, where its bits become masks. Wider
/// registers gain nothing here: a code is a few words.
/// </summary>
internal readonly unsafe struct Avx2SignKernel : ICodeKernel
{
    private const int Step = 4;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = Vector256<int>.Zero;
        for (nint i = 0; i < bytes; i += Step)
            sum = Add(sum, code + i, Vector256.Load(query + 8 * i));
        return Vector256.Sum(sum);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        byte* code0 = codes[0], code1 = codes[1], code2 = codes[2], code3 = codes[3];
        Vector256<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (nint i = 0; i < bytes; i += Step)
        {
            var part = Vector256.Load(query + 8 * i);
            sum0 = Add(sum0, code0 + i, part);
            sum1 = Add(sum1, code1 + i, part);
            sum2 = Add(sum2, code2 + i, part);
            sum3 = Add(sum3, code3 + i, part);
        }

        var pairs = Avx2.HorizontalAdd(Avx2.HorizontalAdd(sum0, sum1), Avx2.HorizontalAdd(sum2, sum3));
        (pairs.GetLower() + pairs.GetUpper()).Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<int> Add(Vector256<int> sum, byte* code, Vector256<sbyte> query)
    {
        var places = Vector256.Create(
            (byte)0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
            2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
        var bits = Vector256.Create(0x8040_2010_0804_0201UL).AsByte();
        var spread = Avx2.Shuffle(Vector256.Create(Unsafe.ReadUnaligned<uint>(code)).AsByte(), places);
        var isSet = Vector256.Equals(spread & bits, bits).AsSByte();
        var pairs = Avx2.MultiplyAddAdjacent(Vector256<byte>.One, query & isSet);
        return sum + Avx2.MultiplyAddAdjacent(pairs, Vector256<short>.One);
    }
}
