namespace Taishang.VectorEngine.Distances;

/// <summary>
/// The two sums that every metric is made of. Implementations read exactly <c>length</c> floats of each operand; the
/// caller owns both for the time of the call. They differ only in the order of summation.
/// </summary>
internal unsafe interface IVectorKernel
{
    static abstract float Dot(float* left, float* right, nint length);

    static abstract float SquaredL2(float* left, float* right, nint length);
}
