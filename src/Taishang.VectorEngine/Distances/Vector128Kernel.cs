using System.Runtime.Intrinsics;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// Four floats at a time (SSE, Arm64 NEON). Four sums run side by side, so that the latency of one multiply-add hides
/// behind the others; what is left of the length goes to the next narrower kernel.
/// </summary>
internal readonly unsafe struct Vector128Kernel : IVectorKernel
{
    private const int Lanes = 4;

    public static float Dot<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector128<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            sum0 = Vector128.MultiplyAddEstimate(Vector128.Load(left + i), Vector128.Load(right + i), sum0);
            sum1 = Vector128.MultiplyAddEstimate(
                Vector128.Load(left + i + Lanes), Vector128.Load(right + i + Lanes), sum1);
            sum2 = Vector128.MultiplyAddEstimate(
                Vector128.Load(left + i + 2 * Lanes), Vector128.Load(right + i + 2 * Lanes), sum2);
            sum3 = Vector128.MultiplyAddEstimate(
                Vector128.Load(left + i + 3 * Lanes), Vector128.Load(right + i + 3 * Lanes), sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
            sum0 = Vector128.MultiplyAddEstimate(Vector128.Load(left + i), Vector128.Load(right + i), sum0);

        var total = Vector128.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + ScalarKernel.Dot<TAhead>(left + i, right + i, length - i);
    }

    public static float SquaredL2<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        Vector128<float> sum0 = default, sum1 = default, sum2 = default, sum3 = default;
        nint i = 0;
        for (; i <= length - 4 * Lanes; i += 4 * Lanes)
        {
            var d0 = Vector128.Load(left + i) - Vector128.Load(right + i);
            var d1 = Vector128.Load(left + i + Lanes) - Vector128.Load(right + i + Lanes);
            var d2 = Vector128.Load(left + i + 2 * Lanes) - Vector128.Load(right + i + 2 * Lanes);
            var d3 = Vector128.Load(left + i + 3 * Lanes) - Vector128.Load(right + i + 3 * Lanes);
            sum0 = Vector128.MultiplyAddEstimate(d0, d0, sum0);
            sum1 = Vector128.MultiplyAddEstimate(d1, d1, sum1);
            sum2 = Vector128.MultiplyAddEstimate(d2, d2, sum2);
            sum3 = Vector128.MultiplyAddEstimate(d3, d3, sum3);
        }

        for (; i <= length - Lanes; i += Lanes)
        {
            var d0 = Vector128.Load(left + i) - Vector128.Load(right + i);
            sum0 = Vector128.MultiplyAddEstimate(d0, d0, sum0);
        }

        var total = Vector128.Sum((sum0 + sum1) + (sum2 + sum3));
        return i == length ? total : total + ScalarKernel.SquaredL2<TAhead>(left + i, right + i, length - i);
    }
}
