using System.Runtime.Intrinsics;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// Eight floats at a time (AVX2). Four sums run side by side, so that the latency of one multiply-add hides
/// behind the others; what is left of the length goes to the next narrower kernel.
/// </summary>
internal readonly unsafe struct Vector256Kernel : IVectorKernel
{
    private const int Lanes = 8;

    public static float Dot<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector256<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            TAhead.From(right + i);
            sum0 = Vector256.MultiplyAddEstimate(Vector256.Load(left + i), Vector256.Load(right + i), sum0);
            sum1 = Vector256.MultiplyAddEstimate(
                Vector256.Load(left + i + Lanes), Vector256.Load(right + i + Lanes), sum1);
            sum2 = Vector256.MultiplyAddEstimate(
                Vector256.Load(left + i + 2 * Lanes), Vector256.Load(right + i + 2 * Lanes), sum2);
            sum3 = Vector256.MultiplyAddEstimate(
                Vector256.Load(left + i + 3 * Lanes), Vector256.Load(right + i + 3 * Lanes), sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
            sum0 = Vector256.MultiplyAddEstimate(Vector256.Load(left + i), Vector256.Load(right + i), sum0);

        var total = Vector256.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + Vector128Kernel.Dot<TAhead>(left + i, right + i, length - i);
    }

    public static float SquaredL2<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector256<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            TAhead.From(right + i);
            var d0 = Vector256.Load(left + i) - Vector256.Load(right + i);
            var d1 = Vector256.Load(left + i + Lanes) - Vector256.Load(right + i + Lanes);
            var d2 = Vector256.Load(left + i + 2 * Lanes) - Vector256.Load(right + i + 2 * Lanes);
            var d3 = Vector256.Load(left + i + 3 * Lanes) - Vector256.Load(right + i + 3 * Lanes);
            sum0 = Vector256.MultiplyAddEstimate(d0, d0, sum0);
            sum1 = Vector256.MultiplyAddEstimate(d1, d1, sum1);
            sum2 = Vector256.MultiplyAddEstimate(d2, d2, sum2);
            sum3 = Vector256.MultiplyAddEstimate(d3, d3, sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
        {
            var d0 = Vector256.Load(left + i) - Vector256.Load(right + i);
            sum0 = Vector256.MultiplyAddEstimate(d0, d0, sum0);
        }

        var total = Vector256.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + Vector128Kernel.SquaredL2<TAhead>(left + i, right + i, length - i);
    }
}
