using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// One byte, two components, at a time: the oracle of the others. Of 32 bytes, the query has the components of all
/// lower halves first.
/// </summary>
internal readonly unsafe struct ScalarNibbleKernel : ICodeKernel
{
    private const int Block = 32;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = 0;
        for (nint i = 0; i < bytes; i++)
        {
            var low = i / Block * (2 * Block) + i % Block;
            sum += (code[i] & 15) * query[low] + (code[i] >> 4) * query[low + Block];
        }

        return sum;
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums) =>
        FourPairs.Dot<ScalarNibbleKernel>(codes, query, bytes, sums);
}

/// <summary>16 bytes at a time, on whatever the machine has.</summary>
internal readonly unsafe struct Vector128NibbleKernel : ICodeKernel
{
    private const int Block = 32;
    private const int Step = 16;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = Vector128<int>.Zero;
        for (nint i = 0; i < bytes; i += Step)
        {
            var packed = Vector128.Load(code + i);
            var part = query + i / Block * (2 * Block) + i % Block;
            sum = Add(sum, packed & Vector128.Create((byte)15), Vector128.Load(part));
            sum = Add(sum, packed >>> 4, Vector128.Load(part + Block));
        }

        return Vector128.Sum(sum);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums) =>
        FourPairs.Dot<Vector128NibbleKernel>(codes, query, bytes, sums);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Add(Vector128<int> sum, Vector128<byte> code, Vector128<sbyte> query)
    {
        // 15 · 127 twice still fits 16 bits.
        var (codeLow, codeHigh) = Vector128.Widen(code.AsSByte());
        var (queryLow, queryHigh) = Vector128.Widen(query);
        var (low, high) = Vector128.Widen(codeLow * queryLow + codeHigh * queryHigh);
        return sum + low + high;
    }
}

/// <summary>32 bytes at a time (AVX2): sums of four products of 15 · 127 fit 16 bits.</summary>
internal readonly unsafe struct Avx2NibbleKernel : ICodeKernel
{
    private const int Step = 32;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = Vector256<int>.Zero;
        for (nint i = 0; i < bytes; i += Step)
            sum = Add(sum, code + i, query + 2 * i);
        return Vector256.Sum(sum);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums)
    {
        byte* code0 = codes[0], code1 = codes[1], code2 = codes[2], code3 = codes[3];
        Vector256<int> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        for (nint i = 0; i < bytes; i += Step)
        {
            sum0 = Add(sum0, code0 + i, query + 2 * i);
            sum1 = Add(sum1, code1 + i, query + 2 * i);
            sum2 = Add(sum2, code2 + i, query + 2 * i);
            sum3 = Add(sum3, code3 + i, query + 2 * i);
        }

        var pairs = Avx2.HorizontalAdd(Avx2.HorizontalAdd(sum0, sum1), Avx2.HorizontalAdd(sum2, sum3));
        (pairs.GetLower() + pairs.GetUpper()).Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector256<int> Add(Vector256<int> sum, byte* code, sbyte* query)
    {
        var packed = Vector256.Load(code);
        var mask = Vector256.Create((byte)15);
        var high = (packed.AsUInt16() >>> 4).AsByte() & mask;
        var products = Avx2.MultiplyAddAdjacent(packed & mask, Vector256.Load(query))
            + Avx2.MultiplyAddAdjacent(high, Vector256.Load(query + Step));
        return sum + Avx2.MultiplyAddAdjacent(products, Vector256<short>.One);
    }
}

/// <summary>64 bytes at a time (AVX-512BW): two blocks side by side; a last single one is done at 32 bytes.</summary>
internal readonly unsafe struct Avx512NibbleKernel : ICodeKernel
{
    private const int Step = 64;
    private const int Block = 32;

    public static int Dot(byte* code, sbyte* query, nint bytes)
    {
        var sum = Vector512<int>.Zero;
        nint i = 0;
        for (; i <= bytes - Step; i += Step)
        {
            var packed = Vector512.Load(code + i);
            var mask = Vector512.Create((byte)15);
            var part = query + 2 * i;
            var low = Vector512.Create(Vector256.Load(part), Vector256.Load(part + 2 * Block));
            var high = Vector512.Create(Vector256.Load(part + Block), Vector256.Load(part + 3 * Block));
            var products = Avx512BW.MultiplyAddAdjacent(packed & mask, low)
                + Avx512BW.MultiplyAddAdjacent((packed.AsUInt16() >>> 4).AsByte() & mask, high);
            sum += Avx512BW.MultiplyAddAdjacent(products, Vector512<short>.One);
        }

        var total = sum.GetLower() + sum.GetUpper();
        if (i < bytes)
            total = Avx2NibbleKernel.Add(total, code + i, query + 2 * i);
        return Vector256.Sum(total);
    }

    public static void Dot4(byte** codes, sbyte* query, nint bytes, int* sums) =>
        FourPairs.Dot<Avx512NibbleKernel>(codes, query, bytes, sums);
}

/// <summary>Four products one after another, for kernels whose time is not in loading the query.</summary>
internal static unsafe class FourPairs
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Dot<TKernel>(byte** codes, sbyte* query, nint bytes, int* sums)
        where TKernel : struct, ICodeKernel
    {
        sums[0] = TKernel.Dot(codes[0], query, bytes);
        sums[1] = TKernel.Dot(codes[1], query, bytes);
        sums[2] = TKernel.Dot(codes[2], query, bytes);
        sums[3] = TKernel.Dot(codes[3], query, bytes);
    }
}
