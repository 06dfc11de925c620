using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// What rounding to a code of seven bits left over of each component, in sixteen bits: code and remainder together are
/// the component to a 65,536th of a step, which is as exact as sums of float32 are. The order of what a walk found comes
/// from here, half the bytes of floats, and the floats themselves stay on disk. Components that lie off the grid are
/// kept beside, whole.
/// </summary>
/// <remarks>Units count from half a step below the lowest code, where its remainders begin.</remarks>
/// <param name="grid">Of the codes; under l2 or cosine, whose distances are those of the components.</param>
internal sealed unsafe class RemainderPlane(LevelGrid grid) : IDisposable
{
    private const double UnitsPerStep = 1 << RemainderKernel.RemainderBits;
    private const int AlignmentBytes = 32;
    private const int PrefetchedLines = 8;

    /// <summary>Rows that a caller has asked for before it scores the first.</summary>
    public const int RowsAhead = 3;

    /// <summary>Of a remainder that came out beyond its range by the rounding of the code's own arithmetic alone.
    /// </summary>
    private const double SlackUnits = 64;

    private readonly ChunkedRows _remainders = new(BytesOfRow(grid.Dimensions));
    private readonly ChunkedRows _firstOutliers = new(sizeof(int));
    private readonly ChunkedRows _outliers = new(sizeof(Outlier));
    private readonly Lock _growth = new();
    private readonly double[] _zeros = Zeros(grid);
    private readonly float _factor = (float)(grid.Step / UnitsPerStep * (grid.Step / UnitsPerStep));

    /// <summary>Components that lie off the grid, of all rows.</summary>
    public int OutlierCount { get; private set; }

    public int Dimensions => grid.Dimensions;

    public long MemoryBytes => _remainders.Bytes + _firstOutliers.Bytes + _outliers.Bytes;

    /// <summary>Bytes of a row's remainders, padding included.</summary>
    public static int BytesOfRow(int dimensions) =>
        (dimensions * sizeof(ushort) + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes;

    /// <summary>Makes room for the rows 0 to <paramref name="rows"/> − 1. One caller at a time.</summary>
    public void EnsureRows(int rows)
    {
        _remainders.EnsureRows(rows);
        _firstOutliers.EnsureRows(rows);
    }

    /// <summary>Notes what the code of a row leaves out. Several callers at once, each with rows of its own.</summary>
    /// <param name="row">Of the ensured range, not yet to be found by anybody.</param>
    /// <param name="vector">Its floats.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="code">Its code.</param>
    public void Put(int row, float* vector, float scale, byte* code)
    {
        *First(row) = 0;
        var remainder = Row(row);
        var factor = Factor(scale);
        ref var zeros = ref MemoryMarshal.GetArrayDataReference(_zeros);
        for (var i = 0; i < grid.Dimensions; i++)
        {
            var units = (vector[i] * factor) + Unsafe.Add(ref zeros, i);
            var left = units - (code[i] * UnitsPerStep);
            remainder[i] = (ushort)(Math.Min(Math.Max(left, 0), ushort.MaxValue - 0.5) + 0.5);
            if (Math.Abs(left - (UnitsPerStep / 2)) > (UnitsPerStep / 2) + SlackUnits)
                AddOutlier(row, i, (float)units);
        }

        new Span<byte>(remainder, _remainders.StrideBytes)[(grid.Dimensions * sizeof(ushort))..].Clear();
    }

    /// <summary>Brings a query into the form that <see cref="Score"/> takes.</summary>
    /// <param name="vector">Its floats.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="query">Room for as many floats.</param>
    public void PutQuery(float* vector, float scale, float* query)
    {
        var factor = Factor(scale);
        var factors = new Vector<double>(factor);
        ref var zeros = ref MemoryMarshal.GetArrayDataReference(_zeros);
        var i = 0;
        for (; i <= grid.Dimensions - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(Vector.Load(vector + i), out var low, out var high);
            low = (low * factors) + Vector.LoadUnsafe(ref zeros, (nuint)i);
            high = (high * factors) + Vector.LoadUnsafe(ref zeros, (nuint)(i + Vector<double>.Count));
            Vector.Store(Vector.Narrow(low, high), query + i);
        }

        for (; i < grid.Dimensions; i++)
            query[i] = (float)((vector[i] * factor) + Unsafe.Add(ref zeros, i));
    }

    /// <summary>Asks for a row that will be scored soon.</summary>
    public void Prefetch(int row) => DistanceScorer.Prefetch((byte*)Row(row), PrefetchedLines);

    /// <summary>Engine distances of rows to a query.</summary>
    /// <param name="query">Of <see cref="PutQuery"/>.</param>
    /// <param name="rows">Rows that were put.</param>
    /// <param name="codes">Where their codes lie.</param>
    /// <param name="count">How many.</param>
    /// <param name="distances">Room for as many.</param>
    public void Score(float* query, int* rows, byte** codes, int count, float* distances)
    {
        for (var i = 0; i < count; i++)
        {
            if (i + RowsAhead < count)
                Prefetch(rows[i + RowsAhead]);
            var sum = RemainderKernel.Squared(query, codes[i], Row(rows[i]), grid.Dimensions)
                + Correction(query, codes[i], rows[i]);
            var squared = Math.Max(0f, sum) * _factor;
            distances[i] = grid.Metric == DistanceMetric.L2 ? squared : (squared * 0.5f) - 1f;
        }
    }

    /// <summary>The remainders of a row, for files.</summary>
    public Span<byte> Bytes(int row) => new(Row(row), _remainders.StrideBytes);

    /// <summary>The first of a row's outliers in <see cref="OutlierBytes"/>, from 1 on; 0 for none. For files.</summary>
    public ref int FirstOutlier(int row) => ref *First(row);

    /// <summary>An outlier, for files; they follow each other from 0 to <see cref="OutlierCount"/> − 1.</summary>
    public Span<byte> OutlierBytes(int number) => new(_outliers.Row(number), sizeof(Outlier));

    /// <summary>Makes room for outliers that a file holds.</summary>
    public void EnsureOutliers(int count)
    {
        _outliers.EnsureRows(count);
        OutlierCount = count;
    }

    /// <summary>Whether what a file said about a row's outliers leads anywhere but to outliers.</summary>
    public bool OutliersAreSound(int row)
    {
        var next = *First(row);
        if ((uint)next > (uint)OutlierCount)
            return false;

        // Each was added behind the one that it leads to, so that a chain cannot come back to itself.
        while (next != 0)
        {
            var outlier = (Outlier*)_outliers.Row(next - 1);
            if ((uint)outlier->Component >= (uint)grid.Dimensions || outlier->Next < 0 || outlier->Next >= next
                || !float.IsFinite(outlier->Units))
                return false;

            next = outlier->Next;
        }

        return true;
    }

    public void Dispose()
    {
        _remainders.Dispose();
        _firstOutliers.Dispose();
        _outliers.Dispose();
    }

    private ushort* Row(int row) => (ushort*)_remainders.Row(row);

    private int* First(int row) => (int*)_firstOutliers.Row(row);

    /// <summary>Units in a component's one.</summary>
    private double Factor(float scale) =>
        UnitsPerStep / grid.Step * (grid.Metric == DistanceMetric.Cosine ? scale : 1);

    /// <summary>The units of each component that is zero.</summary>
    private static double[] Zeros(LevelGrid grid)
    {
        var zeros = new double[grid.Dimensions];
        for (var i = 0; i < zeros.Length; i++)
            zeros[i] = (0.5 - ((double)grid.Offsets[i] / grid.Step)) * UnitsPerStep;
        return zeros;
    }

    private void AddOutlier(int row, int component, float units)
    {
        lock (_growth)
        {
            _outliers.EnsureRows(OutlierCount + 1);
            *(Outlier*)_outliers.Row(OutlierCount) = new Outlier
            {
                Component = component,
                Units = units,
                Next = *First(row),
            };
            OutlierCount++;
            *First(row) = OutlierCount;
        }
    }

    /// <summary>What the kernel's sum lacks because components off the grid were taken for its edge.</summary>
    private float Correction(float* query, byte* code, int row)
    {
        var correction = 0f;
        for (var next = *First(row); next != 0;)
        {
            var outlier = (Outlier*)_outliers.Row(next - 1);
            var at = outlier->Component;
            var kept = query[at] - ((code[at] << RemainderKernel.RemainderBits) | Row(row)[at]);
            var whole = query[at] - outlier->Units;
            correction += (whole * whole) - (kept * kept);
            next = outlier->Next;
        }

        return correction;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Outlier
    {
        public int Component;
        public float Units;

        /// <summary>The next one of the row, from 1 on; 0 for none.</summary>
        public int Next;
    }
}
