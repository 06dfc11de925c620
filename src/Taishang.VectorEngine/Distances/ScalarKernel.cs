namespace Taishang.VectorEngine.Distances;

/// <summary>The plain loop: the oracle of the vector kernels, and what runs on a machine that has none.</summary>
internal readonly unsafe struct ScalarKernel : IVectorKernel
{
    public static float Dot<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        var sum = 0f;
        for (nint i = 0; i < length; i++)
            sum += left[i] * right[i];
        return sum;
    }

    public static float SquaredL2<TAhead>(float* left, float* right, nint length)
        where TAhead : struct, IReadAhead
    {
        var sum = 0f;
        for (nint i = 0; i < length; i++)
        {
            var difference = left[i] - right[i];
            sum += difference * difference;
        }

        return sum;
    }
}
