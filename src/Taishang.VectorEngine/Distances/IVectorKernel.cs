namespace Taishang.VectorEngine.Distances;

/// <summary>
/// The two sums that every metric is made of. Implementations read exactly <c>length</c> floats of each operand; the
/// caller owns both for the time of the call. They differ only in the order of summation; of the
/// right operand they may ask for what lies ahead.
/// </summary>
internal unsafe interface IVectorKernel
{
    static abstract float Dot<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead;

    static abstract float SquaredL2<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead;
}
