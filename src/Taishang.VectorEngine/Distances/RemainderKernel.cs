using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// Squared differences between a query and components of 23 bits, of which a code holds the upper 7 and a plane of its
/// own the lower 16. Every such component is a whole number that float32 holds exactly, so that nothing is lost before
/// the differences are taken.
/// </summary>
internal static unsafe class RemainderKernel
{
    /// <summary>Bits of the lower part.</summary>
    public const int RemainderBits = 16;

    /// <summary>Bits of a component.</summary>
    public const int ComponentBits = 23;

    private const int Wide = 16;
    private const int Half = 8;
    private const int Quarter = 4;

    /// <summary>The sum of (query − component)², components and query in units of the lower part.</summary>
    /// <param name="query">As many floats as components.</param>
    /// <param name="code">A byte each.</param>
    /// <param name="remainder">Sixteen bits each.</param>
    /// <param name="count">Components.</param>
    public static float Squared(float* query, byte* code, ushort* remainder, int count)
    {
        var at = 0;
        var sum = 0f;
        if (Avx512F.IsSupported)
            sum = Squared512(query, code, remainder, count, ref at);
        else if (Avx2.IsSupported)
            sum = Squared256(query, code, remainder, count, ref at);
        else if (Vector128.IsHardwareAccelerated)
            sum = Squared128(query, code, remainder, count, ref at);

        for (; at < count; at++)
        {
            var difference = query[at] - ((code[at] << RemainderBits) | remainder[at]);
            sum += difference * difference;
        }

        return sum;
    }

    private static float Squared512(float* query, byte* code, ushort* remainder, int count, ref int at)
    {
        var (first, second) = (Vector512<float>.Zero, Vector512<float>.Zero);
        for (; at <= count - 2 * Wide; at += 2 * Wide)
        {
            var near = Difference512(query + at, code + at, remainder + at);
            var far = Difference512(query + at + Wide, code + at + Wide, remainder + at + Wide);
            first = Vector512.FusedMultiplyAdd(near, near, first);
            second = Vector512.FusedMultiplyAdd(far, far, second);
        }

        if (at <= count - Wide)
        {
            var last = Difference512(query + at, code + at, remainder + at);
            first = Vector512.FusedMultiplyAdd(last, last, first);
            at += Wide;
        }

        return Vector512.Sum(first + second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Difference512(float* query, byte* code, ushort* remainder)
    {
        var upper = Avx512F.ConvertToVector512Int32(Vector128.Load(code));
        var lower = Avx512F.ConvertToVector512Int32(Vector256.Load(remainder));
        return Vector512.Load(query) - Vector512.ConvertToSingle((upper << RemainderBits) | lower);
    }

    private static float Squared256(float* query, byte* code, ushort* remainder, int count, ref int at)
    {
        var (first, second) = (Vector256<float>.Zero, Vector256<float>.Zero);
        for (; at <= count - 2 * Half; at += 2 * Half)
        {
            var near = Difference256(query + at, code + at, remainder + at);
            var far = Difference256(query + at + Half, code + at + Half, remainder + at + Half);
            first = Vector256.FusedMultiplyAdd(near, near, first);
            second = Vector256.FusedMultiplyAdd(far, far, second);
        }

        return Vector256.Sum(first + second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Difference256(float* query, byte* code, ushort* remainder)
    {
        var upper = Avx2.ConvertToVector256Int32(code);
        var lower = Avx2.ConvertToVector256Int32(remainder);
        return Vector256.Load(query) - Vector256.ConvertToSingle((upper << RemainderBits) | lower);
    }

    private static float Squared128(float* query, byte* code, ushort* remainder, int count, ref int at)
    {
        var (first, second) = (Vector128<float>.Zero, Vector128<float>.Zero);
        for (; at <= count - Half; at += Half)
        {
            var codes = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)(code + at)).AsByte());
            var lower = Vector128.Load(remainder + at);
            var near = Vector128.Load(query + at) - Component(Vector128.WidenLower(codes), Vector128.WidenLower(lower));
            var far = Vector128.Load(query + at + Quarter)
                - Component(Vector128.WidenUpper(codes), Vector128.WidenUpper(lower));
            first += near * near;
            second += far * far;
        }

        return Vector128.Sum(first + second);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Component(Vector128<uint> upper, Vector128<uint> lower) =>
        Vector128.ConvertToSingle(((upper << RemainderBits) | lower).AsInt32());
}
