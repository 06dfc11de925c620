using System.Runtime.Intrinsics;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// Sixteen floats at a time (AVX-512). Four sums run side by side, so that the latency of one multiply-add hides
/// behind the others; what is left of the length goes to the next narrower kernel.
/// </summary>
internal readonly unsafe struct Vector512Kernel : IVectorKernel
{
    private const int Lanes = 16;

    public static float Dot<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            TAhead.From(right + i);
            TAhead.From(right + i + ReadAhead.StretchFloats);
            sum0 = Vector512.MultiplyAddEstimate(Vector512.Load(left + i), Vector512.Load(right + i), sum0);
            sum1 = Vector512.MultiplyAddEstimate(
                Vector512.Load(left + i + Lanes), Vector512.Load(right + i + Lanes), sum1);
            sum2 = Vector512.MultiplyAddEstimate(
                Vector512.Load(left + i + 2 * Lanes), Vector512.Load(right + i + 2 * Lanes), sum2);
            sum3 = Vector512.MultiplyAddEstimate(
                Vector512.Load(left + i + 3 * Lanes), Vector512.Load(right + i + 3 * Lanes), sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
            sum0 = Vector512.MultiplyAddEstimate(Vector512.Load(left + i), Vector512.Load(right + i), sum0);

        var total = Vector512.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + Vector256Kernel.Dot<TAhead>(left + i, right + i, length - i);
    }

    public static float SquaredL2<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector512<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            TAhead.From(right + i);
            TAhead.From(right + i + ReadAhead.StretchFloats);
            var d0 = Vector512.Load(left + i) - Vector512.Load(right + i);
            var d1 = Vector512.Load(left + i + Lanes) - Vector512.Load(right + i + Lanes);
            var d2 = Vector512.Load(left + i + 2 * Lanes) - Vector512.Load(right + i + 2 * Lanes);
            var d3 = Vector512.Load(left + i + 3 * Lanes) - Vector512.Load(right + i + 3 * Lanes);
            sum0 = Vector512.MultiplyAddEstimate(d0, d0, sum0);
            sum1 = Vector512.MultiplyAddEstimate(d1, d1, sum1);
            sum2 = Vector512.MultiplyAddEstimate(d2, d2, sum2);
            sum3 = Vector512.MultiplyAddEstimate(d3, d3, sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
        {
            var d0 = Vector512.Load(left + i) - Vector512.Load(right + i);
            sum0 = Vector512.MultiplyAddEstimate(d0, d0, sum0);
        }

        var total = Vector512.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + Vector256Kernel.SquaredL2<TAhead>(left + i, right + i, length - i);
    }
}
