using System.Numerics.Tensors;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Copies of a table's first rows in half precision, in memory: what puts the finds of codes in order where floats are
/// to stay on disk. Components are brought into the range of halves by a power of two, which loses nothing; a row that
/// it does not bring there keeps to its floats.
/// </summary>
/// <param name="rows">The table. Copies are added by one caller at a time; any number may score.</param>
internal sealed unsafe class HalfRows(RowTable rows) : IDisposable
{
    /// <summary>Of the largest component of the sample: a hundredth of the largest half, so that rows to come have
    /// room, and far above the smallest.</summary>
    private const float LargestInSample = 512;

    /// <summary>Of a query far outside, whose squares float32 would not hold.</summary>
    private const float LargestInQuery = 1e15f;

    private const int SampleRowsMax = 4_096;

    private readonly ChunkedRows _halves = new(BytesOfRow(rows.Dimensions));
    private readonly ChunkedRows _fits = new(sizeof(byte));
    private int _count;
    private float _factor;

    /// <summary>Rows 0 to this − 1 have a copy.</summary>
    public int Count => Volatile.Read(ref _count);

    public long MemoryBytes => _halves.Bytes + _fits.Bytes;

    /// <summary>Bytes of a copy, padding included.</summary>
    public static int BytesOfRow(int dimensions) => ChunkedRows.MappableStride(dimensions * sizeof(ushort));

    /// <summary>Copies the rows that have none yet, up to <paramref name="count"/>.</summary>
    public void CoverTo(int count)
    {
        var start = Count;
        if (start >= count)
            return;

        if (_factor == 0)
            _factor = FactorOf(count);
        _halves.EnsureRows(count);
        _fits.EnsureRows(count);
        using var scaled = new NativeBlock((nuint)rows.StrideBytes, hugePages: false);
        var floats = new Span<float>(scaled.Pointer, rows.Dimensions);
        for (var row = start; row < count; row++)
        {
            TensorPrimitives.Multiply(rows.VectorSpan(row), _factor, floats);
            *_fits.Row(row) = TensorPrimitives.MaxMagnitude<float>(floats) <= (float)Half.MaxValue ? (byte)1 : (byte)0;
            TensorPrimitives.ConvertToHalf(floats, Halves(row));
        }

        Volatile.Write(ref _count, count);
    }

    /// <summary>Scores rows as <see cref="RowScorer.Score(in Query, int*, int, float*)"/> does, those that have a copy
    /// by it.</summary>
    /// <param name="scorer">Of the same table.</param>
    /// <param name="query">As it is.</param>
    /// <param name="nodes">The rows.</param>
    /// <param name="count">How many.</param>
    /// <param name="distances">Room for as many.</param>
    /// <param name="room">Room for two vectors of the table's stride.</param>
    public void Score(RowScorer scorer, in Query query, int* nodes, int count, float* distances, float* room)
    {
        var covered = Count;
        var padded = rows.PaddedDimensions;
        var row = new Span<float>(room, padded);
        var asked = new Span<float>(room + padded, padded);
        TensorPrimitives.Multiply(new ReadOnlySpan<float>(query.Vector, padded), _factor, asked);
        row[rows.Dimensions..].Clear();
        var inverse = 1f / (_factor * _factor);
        var isAskable = TensorPrimitives.MaxMagnitude<float>(asked) < LargestInQuery;
        for (var i = 0; i < count; i++)
        {
            if (!isAskable || nodes[i] >= covered || *_fits.Row(nodes[i]) == 0)
            {
                distances[i] = scorer.Score(query, nodes[i]);
                continue;
            }

            TensorPrimitives.ConvertToSingle(Halves(nodes[i]), row[..rows.Dimensions]);
            distances[i] = scorer.Score(new Query(room + padded, query.Scale), room, nodes[i], inverse);
        }
    }

    public void Dispose()
    {
        _halves.Dispose();
        _fits.Dispose();
    }

    private Span<Half> Halves(int row) => new(_halves.Row(row), rows.Dimensions);

    private float FactorOf(int count)
    {
        var largest = 0f;
        var step = Math.Max(1, count / SampleRowsMax);
        for (var row = 0; row < count; row += step)
            largest = Math.Max(largest, TensorPrimitives.MaxMagnitude(rows.VectorSpan(row)));

        // A factor whose square is no float would be none for distances either.
        return largest > 0 ? MathF.ScaleB(1, Math.Clamp(MathF.ILogB(LargestInSample / largest), -60, 60)) : 1;
    }
}
