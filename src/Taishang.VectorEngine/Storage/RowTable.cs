using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;
using Vectors = System.Numerics.Vector;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// All rows of a collection in the order of their writing. A row never changes and never moves; replacing or deleting
/// it only notes the commit at which it died, so that a search which began before still sees it and one that begins
/// after does not. One writer appends; readers stay below the row count that was published to them. Pages of sealed
/// rows may be those of their segment file, which hold the same bytes.
/// </summary>
internal sealed unsafe partial class RowTable : IDisposable
{
    public const long Alive = long.MaxValue;

    private readonly ChunkedRows _vectors;
    private readonly ChunkedRows? _scales;

    /// <summary>With all bits the other way round but the sign: a row that lives is a zero, and pages of the system on
    /// which nothing died are never written, so that they take no memory.</summary>
    private readonly ChunkedRows _diedAt = new(sizeof(long));
    private readonly RecordPlaces _records = new();
    private readonly RecordHeap _heap = new();

    public RowTable(int dimensions, DistanceMetric metric)
    {
        Dimensions = dimensions;
        Metric = metric;
        PaddedDimensions = StrideOf(dimensions) / sizeof(float);
        _vectors = new ChunkedRows(StrideBytes);
        _scales = metric == DistanceMetric.Cosine ? new ChunkedRows(sizeof(float)) : null;
    }

    public int Dimensions { get; }

    /// <summary>Floats between the starts of two vectors; those past <see cref="Dimensions"/> are zero.</summary>
    public int PaddedDimensions { get; }

    public int StrideBytes => PaddedDimensions * sizeof(float);

    /// <summary>Bytes between the starts of two vectors of so many dimensions.</summary>
    public static int StrideOf(int dimensions) => ChunkedRows.MappableStride(dimensions * sizeof(float));

    public DistanceMetric Metric { get; }

    /// <summary>Rows appended so far; only the writer reads it.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes that only memory holds.</summary>
    public long MemoryBytes =>
        _vectors.Bytes + (_scales?.Bytes ?? 0) + _diedAt.Bytes + _records.Bytes + _heap.Bytes;

    /// <summary>Bytes that segment files hold too: in memory as far as the system keeps them.</summary>
    public long MappedBytes => _vectors.MappedBytes + (_scales?.MappedBytes ?? 0) + _heap.MappedBytes;

    /// <summary>Bytes of vectors that only memory holds.</summary>
    public long FloatBytes => _vectors.Bytes;

    /// <summary>Bytes of vectors that segment files hold too.</summary>
    public long FloatMappedBytes => _vectors.MappedBytes;

    /// <summary>The stored floats, as they were written. The pointer lives as long as the table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Vector(int row) => (float*)_vectors.Row(row);

    /// <summary>A factor of the row's own: under cosine 1/length, else unused.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Scale(int row) => _scales is null ? 0f : *(float*)_scales.Row(row);

    /// <summary>The commit at which the row died, or <see cref="Alive"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long DiedAt(int row) => Volatile.Read(ref *(long*)_diedAt.Row(row)) ^ Alive;

    public void Kill(int row, long commit) => Volatile.Write(ref *(long*)_diedAt.Row(row), commit ^ Alive);

    /// <summary>Id, expiry and metadata; what they point to lives as long as the table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RowRecord Record(int row) => new(_records.Of(row));

    public ReadOnlySpan<float> VectorSpan(int row) => new(Vector(row), Dimensions);

    /// <summary>How many rows from this one on have their vectors behind each other, at most so many.</summary>
    public int Contiguous(int row, int most) => _vectors.Contiguous(row, most);

    /// <summary>Adds a row; it becomes visible when its number is published.</summary>
    /// <param name="vector">Exactly <see cref="Dimensions"/> little-endian floats, checked before.</param>
    /// <param name="fields">Copied.</param>
    /// <param name="diedAt">Alive, or the commit at which it died before it came here.</param>
    /// <param name="isLaid">Its vector was given to <see cref="Lay"/> already.</param>
    public int Append(ReadOnlySpan<byte> vector, in RowFields fields, long diedAt, bool isLaid = false)
    {
        var record = _heap.Take(fields.RecordBytes);
        RowRecord.Write(record, fields);
        if (!isLaid)
            Lay(Count, vector);
        return Append(record, diedAt);
    }

    /// <summary>Puts a vector in the place of a row that is yet to be added; nobody sees it, and another may be laid
    /// over it.</summary>
    public void Lay(int row, ReadOnlySpan<byte> vector)
    {
        EnsureRows(row + 1);
        if (row >= _vectors.RowsPerChunk && (row & _vectors.Mask) == 0)
            _vectors.PrepareNextChunk();
        var target = new Span<float>(Vector(row), PaddedDimensions);
        vector.CopyTo(MemoryMarshal.AsBytes(target));
        target[Dimensions..].Clear();
        if (_scales is not null)
            *(float*)_scales.Row(row) = InverseLength(target[..Dimensions]);
    }

    /// <summary>Adds a copy of a row of another table of the same dimensions and metric.</summary>
    public int Append(RowTable from, int row, long diedAt)
    {
        var source = from.Record(row);
        var record = _heap.Take(source.Bytes);
        Buffer.MemoryCopy(source.Start, record, source.Bytes, source.Bytes);
        Lay(Count, MemoryMarshal.AsBytes(from.VectorSpan(row)));
        return Append(record, diedAt);
    }

    /// <summary>The sum of squares, in double so that no finite float32 vector overflows it. Compiled for good at its
    /// first call: every write waits for it, and a process that also builds gets to its better code late.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static double SquaredLength(ReadOnlySpan<float> vector)
    {
        // Several sums at once: every write measures every vector twice, and one sum waits for each of its additions.
        var (first, second) = (Vector<double>.Zero, Vector<double>.Zero);
        var at = 0;
        for (; at <= vector.Length - Vector<float>.Count; at += Vector<float>.Count)
        {
            Vectors.Widen(new Vector<float>(vector[at..]), out var low, out var high);
            first += low * low;
            second += high * high;
        }

        var sum = Vectors.Sum(first + second);
        for (; at < vector.Length; at++)
            sum += (double)vector[at] * vector[at];
        return sum;
    }

    public static float InverseLength(ReadOnlySpan<float> vector) => (float)(1d / Math.Sqrt(SquaredLength(vector)));

    public void Dispose()
    {
        _vectors.Dispose();
        _scales?.Dispose();
        _diedAt.Dispose();
        _records.Dispose();
        _heap.Dispose();
    }

    private int Append(byte* record, long diedAt)
    {
        var row = Count;
        _records.Set(row, record);
        Begin(row, diedAt);
        Count = row + 1;
        return row;
    }

    private void EnsureRows(int rows)
    {
        _vectors.EnsureRows(rows);
        _scales?.EnsureRows(rows);
        _diedAt.EnsureRows(rows);
    }

    /// <summary>Says when a new row died. Reading first leaves a page of zeros what it is; memory that does not come in
    /// such pages may hold anything.</summary>
    private void Begin(int row, long diedAt)
    {
        if (DiedAt(row) != diedAt)
            Kill(row, diedAt);
    }
}
