using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// What rounding to a code of seven bits left over of each component, in sixteen bits: code and remainder together are
/// the component to a 65,536th of a step, as exact as sums of float32 are. The order of what a walk found comes
/// from here, half the bytes of floats, and the floats themselves stay on disk. Components off the grid are kept
/// beside, whole.
/// </summary>
/// <remarks>Units count from half a step below the lowest code, where its remainders begin.</remarks>
/// <param name="grid">Of the codes; under l2 or cosine, whose distances are those of the components.</param>
internal sealed unsafe class RemainderPlane(LevelGrid grid) : IDisposable
{
    private const double UnitsPerStep = 1 << RemainderKernel.RemainderBits;
    private const float UnitsMax = (1 << RemainderKernel.ComponentBits) - 1;
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

    /// <summary>Floats that a query takes.</summary>
    public int QueryFloats => 3 * Dimensions;

    public long MemoryBytes => _remainders.Bytes + _firstOutliers.Bytes + _outliers.Bytes;

    /// <summary>Bytes of a row's remainders, padding included.</summary>
    public static int BytesOfRow(int dimensions) => ChunkedRows.MappableStride(dimensions * sizeof(ushort));

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
    /// <param name="room">Room for <see cref="QueryFloats"/>; lives as long as the query.</param>
    public RemainderQuery QueryOf(float* vector, float scale, float* room)
    {
        var query = new RemainderQuery(room, room + Dimensions, (int*)(room + 2 * Dimensions));
        var factor = Factor(scale);
        var factors = new Vector<double>(factor);
        var most = new Vector<float>(UnitsMax);
        var isInside = true;
        ref var zeros = ref MemoryMarshal.GetArrayDataReference(_zeros);
        var i = 0;
        for (; i <= Dimensions - Vector<float>.Count; i += Vector<float>.Count)
        {
            Vector.Widen(Vector.Load(vector + i), out var low, out var high);
            low = (low * factors) + Vector.LoadUnsafe(ref zeros, (nuint)i);
            high = (high * factors) + Vector.LoadUnsafe(ref zeros, (nuint)(i + Vector<double>.Count));
            var units = Vector.Narrow(low, high);
            var inside = Vector.Min(Vector.Max(units, Vector<float>.Zero), most);
            isInside &= Vector.EqualsAll(units, inside);
            Vector.Store(units, query.Whole + i);
            Vector.Store(inside, query.Inside + i);
        }

        for (; i < Dimensions; i++)
        {
            query.Whole[i] = (float)((vector[i] * factor) + Unsafe.Add(ref zeros, i));
            query.Inside[i] = Math.Clamp(query.Whole[i], 0, UnitsMax);
            isInside &= query.Whole[i] == query.Inside[i];
        }

        return isInside ? query : query with { OutsideCount = ListOutside(query) };
    }

    /// <summary>Asks for a row that will be scored soon.</summary>
    public void Prefetch(int row) => DistanceScorer.Prefetch((byte*)Row(row), PrefetchedLines);

    /// <summary>Engine distances of rows to a query.</summary>
    /// <param name="query">Of <see cref="QueryOf"/>.</param>
    /// <param name="rows">Rows that were put.</param>
    /// <param name="codes">Where their codes lie.</param>
    /// <param name="count">How many.</param>
    /// <param name="distances">Room for as many.</param>
    public void Score(in RemainderQuery query, int* rows, byte** codes, int count, float* distances)
    {
        for (var i = 0; i < count; i++)
        {
            if (i + RowsAhead < count)
                Prefetch(rows[i + RowsAhead]);
            var sum = RemainderKernel.Squared(query.Inside, codes[i], Row(rows[i]), Dimensions);
            if (query.OutsideCount > 0 || *First(rows[i]) != 0)
                sum += Correction(query, codes[i], rows[i]);
            var squared = Math.Max(0f, sum) * _factor;
            distances[i] = grid.Metric == DistanceMetric.L2 ? squared : (squared * 0.5f) - 1f;
        }
    }

    /// <summary>The remainders of a row, for files.</summary>
    public Span<byte> Bytes(int row) => new(Row(row), _remainders.StrideBytes);

    /// <summary>The first of a row's outliers, from 1 on; 0 for none. For files.</summary>
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

    private int ListOutside(in RemainderQuery query)
    {
        var count = 0;
        for (var i = 0; i < Dimensions; i++)
        {
            if (query.Whole[i] != query.Inside[i])
                query.Outside[count++] = i;
        }

        return count;
    }

    /// <summary>What the kernel's sum lacks because components off the grid, the query's and the row's, were taken for
    /// its edge. Both are: were only one of them, sums would hold far larger numbers than the distance.</summary>
    private float Correction(in RemainderQuery query, byte* code, int row)
    {
        var correction = 0f;
        for (var i = 0; i < query.OutsideCount; i++)
        {
            var at = query.Outside[i];
            var kept = Kept(code, row, at);
            correction += Difference(query, at, Find(row, at)?.Units ?? kept, kept);
        }

        for (var next = *First(row); next != 0;)
        {
            var outlier = (Outlier*)_outliers.Row(next - 1);
            var at = outlier->Component;
            if (query.Whole[at] == query.Inside[at])
                correction += Difference(query, at, outlier->Units, Kept(code, row, at));
            next = outlier->Next;
        }

        return correction;
    }

    private float Kept(byte* code, int row, int component) =>
        (code[component] << RemainderKernel.RemainderBits) | Row(row)[component];

    private Outlier? Find(int row, int component)
    {
        for (var next = *First(row); next != 0;)
        {
            var outlier = (Outlier*)_outliers.Row(next - 1);
            if (outlier->Component == component)
                return *outlier;

            next = outlier->Next;
        }

        return null;
    }

    private static float Difference(in RemainderQuery query, int component, float units, float kept)
    {
        var whole = query.Whole[component] - units;
        var inside = query.Inside[component] - kept;
        return (whole * whole) - (inside * inside);
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

/// <summary>A query as a <see cref="RemainderPlane"/> compares it, in its units.</summary>
/// <param name="inside">Components, those off the grid taken for its edge.</param>
/// <param name="whole">Components as they are.</param>
/// <param name="outside">Which of them lie off the grid.</param>
internal readonly unsafe struct RemainderQuery(float* inside, float* whole, int* outside)
{
    public float* Inside { get; } = inside;

    public float* Whole { get; } = whole;

    public int* Outside { get; } = outside;

    /// <summary>How many lie off the grid.</summary>
    public int OutsideCount { get; init; }
}
