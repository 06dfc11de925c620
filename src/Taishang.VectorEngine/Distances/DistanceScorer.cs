using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Taishang.VectorEngine.Distances;

/// <summary>
/// The kernel of one metric, chosen once for the machine. Calls go through function pointers: one a pair, one a
/// batch of gathered rows, where the rows to come are fetched into the cache while the present one is summed, or one a
/// run of rows that lie behind each other, where the hardware sees by itself what comes next.
/// </summary>
internal sealed unsafe class DistanceScorer
{
    private const int CacheLineBytes = 64;

    /// <summary>Lines of the next row that are asked for early; the hardware follows from there by itself.</summary>
    private const int LinesAhead = 12;

    private readonly delegate*<float*, float*, nint, float> _pair;
    private readonly delegate*<float*, byte**, int, nint, float*, void> _gathered;
    private readonly delegate*<float*, float*, int, nint, float*, void> _run;

    private DistanceScorer(
        string kernel,
        delegate*<float*, float*, nint, float> pair,
        delegate*<float*, byte**, int, nint, float*, void> gathered,
        delegate*<float*, float*, int, nint, float*, void> run)
    {
        Kernel = kernel;
        _pair = pair;
        _gathered = gathered;
        _run = run;
    }

    /// <summary>The name of the instruction set in use, for descriptions and benchmarks.</summary>
    public string Kernel { get; }

    /// <summary>The widest kernel that this machine runs well.</summary>
    public static DistanceScorer For(DistanceMetric metric)
    {
        if (Vector512.IsHardwareAccelerated)
            return Make<Vector512Kernel>("vector512", metric);
        if (Vector256.IsHardwareAccelerated)
            return Make<Vector256Kernel>("vector256", metric);
        return Vector128.IsHardwareAccelerated
            ? Make<Vector128Kernel>("vector128", metric)
            : Make<ScalarKernel>("scalar", metric);
    }

    /// <summary>The raw sum of a pair: squared Euclidean under l2, the product under cosine and dot.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Pair(float* left, float* right, nint length) => _pair(left, right, length);

    /// <summary>The raw sums of one query against rows gathered from anywhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Gathered(float* query, byte** rows, int count, nint length, float* sums) =>
        _gathered(query, rows, count, length, sums);

    /// <summary>The raw sums of one query against rows that lie behind each other; of each pair the same as alone.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Run(float* query, float* rows, int count, nint length, float* sums) =>
        _run(query, rows, count, length, sums);

    private static DistanceScorer Make<TKernel>(string name, DistanceMetric metric)
        where TKernel : struct, IVectorKernel =>
        metric == DistanceMetric.L2
            ? new DistanceScorer(
                name, &Pair<TKernel, SquaredL2Sum>, &Gather<TKernel, SquaredL2Sum>, &Stream<TKernel, SquaredL2Sum>)
            : new DistanceScorer(name, &Pair<TKernel, DotSum>, &Gather<TKernel, DotSum>, &Stream<TKernel, DotSum>);

    private static float Pair<TKernel, TSum>(float* left, float* right, nint length)
        where TKernel : struct, IVectorKernel
        where TSum : struct, ISum => TSum.Of<TKernel, NoReadAhead>(left, right, length);

    private static void Gather<TKernel, TSum>(float* query, byte** rows, int count, nint length, float* sums)
        where TKernel : struct, IVectorKernel
        where TSum : struct, ISum
    {
        var lines = (int)Math.Min(LinesAhead, (length * sizeof(float) + CacheLineBytes - 1) / CacheLineBytes);
        for (var i = 0; i < count; i++)
        {
            if (i + 1 < count)
                Prefetch(rows[i + 1], lines);

            sums[i] = TSum.Of<TKernel, NoReadAhead>(query, (float*)rows[i], length);
        }
    }

    private static void Stream<TKernel, TSum>(float* query, float* rows, int count, nint length, float* sums)
        where TKernel : struct, IVectorKernel
        where TSum : struct, ISum
    {
        for (var i = 0; i < count; i++)
            sums[i] = TSum.Of<TKernel, ReadAhead>(query, rows + i * length, length);
    }

    /// <summary>Asks for the first lines of a row; never faults, so no bound is needed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* row, int lines)
    {
        if (!Sse.IsSupported)
            return;

        for (var line = 0; line < lines; line++)
            Sse.Prefetch0(row + line * CacheLineBytes);
    }

    private interface ISum
    {
        static abstract float Of<TKernel, TAhead>(float* left, float* right, nint length)
            where TKernel : struct, IVectorKernel
            where TAhead : struct, IReadAhead;
    }

    private readonly struct DotSum : ISum
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Of<TKernel, TAhead>(float* left, float* right, nint length)
            where TKernel : struct, IVectorKernel
            where TAhead : struct, IReadAhead => TKernel.Dot<TAhead>(left, right, length);
    }

    private readonly struct SquaredL2Sum : ISum
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static float Of<TKernel, TAhead>(float* left, float* right, nint length)
            where TKernel : struct, IVectorKernel
            where TAhead : struct, IReadAhead => TKernel.SquaredL2<TAhead>(left, right, length);
    }
}
