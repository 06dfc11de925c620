using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// All rows of a collection in the order of their writing. A row never changes and never moves; replacing or deleting
/// it only notes the commit at which it died, so that a search which began before still sees it and one that begins
/// after does not. One writer appends; readers stay below the row count that was published to them.
/// </summary>
internal sealed unsafe class RowTable : IDisposable
{
    public const long Alive = long.MaxValue;

    private const int InfoShift = 12;
    private const int InfoChunkRows = 1 << InfoShift;
    private const int PaddingFloats = 8;
    private const int RowOverheadBytes = 80;

    private readonly ChunkedRows _vectors;
    private readonly ChunkedRows _scales = new(sizeof(float));
    private readonly ChunkedRows _diedAt = new(sizeof(long));
    private readonly MetadataHeap _metadata = new();
    private RowInfo[][] _infos = new RowInfo[16][];

    public RowTable(int dimensions, DistanceMetric metric)
    {
        Dimensions = dimensions;
        Metric = metric;
        PaddedDimensions = (dimensions + PaddingFloats - 1) / PaddingFloats * PaddingFloats;
        _vectors = new ChunkedRows(PaddedDimensions * sizeof(float));
    }

    public int Dimensions { get; }

    /// <summary>Floats between the starts of two vectors; those past <see cref="Dimensions"/> are zero.</summary>
    public int PaddedDimensions { get; }

    public DistanceMetric Metric { get; }

    /// <summary>Rows appended so far; only the writer reads it.</summary>
    public int Count { get; private set; }

    public long MemoryBytes =>
        _vectors.Bytes + _scales.Bytes + _diedAt.Bytes + _metadata.Bytes + (long)Count * RowOverheadBytes;

    /// <summary>The stored floats, as they were written. The pointer lives as long as the table.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float* Vector(int row) => (float*)_vectors.Row(row);

    /// <summary>A factor of the row's own: under cosine 1/length, else unused.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref float Scale(int row) => ref *(float*)_scales.Row(row);

    /// <summary>The commit at which the row died, or <see cref="Alive"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public long DiedAt(int row) => Volatile.Read(ref *(long*)_diedAt.Row(row));

    public void Kill(int row, long commit) => Volatile.Write(ref *(long*)_diedAt.Row(row), commit);

    public ref readonly RowInfo Info(int row) => ref _infos[row >> InfoShift][row & (InfoChunkRows - 1)];

    public ReadOnlySpan<float> VectorSpan(int row) => new(Vector(row), Dimensions);

    /// <summary>Adds a row; it becomes visible when its number is published.</summary>
    /// <param name="vector">Exactly <see cref="Dimensions"/> little-endian floats, checked before.</param>
    /// <param name="info">The row's id, expiry and metadata; the metadata is copied.</param>
    /// <param name="diedAt">Alive, or the commit at which it died before it came here.</param>
    public int Append(ReadOnlySpan<byte> vector, in RowInfo info, long diedAt)
    {
        vector.CopyTo(AppendVector());
        var row = Count - 1;
        SetInfo(row, info);
        Kill(row, diedAt);
        return row;
    }

    /// <summary>Adds a living row and gives the bytes to put its floats into; <see cref="SetInfo"/> must
    /// follow.</summary>
    public Span<byte> AppendVector()
    {
        var row = Count;
        _vectors.EnsureRows(row + 1);
        _scales.EnsureRows(row + 1);
        _diedAt.EnsureRows(row + 1);
        var target = new Span<float>(Vector(row), PaddedDimensions);
        target[Dimensions..].Clear();
        Kill(row, Alive);
        Count = row + 1;
        return MemoryMarshal.AsBytes(target[..Dimensions]);
    }

    /// <summary>Completes a row whose floats are in place.</summary>
    public void SetInfo(int row, in RowInfo info)
    {
        Scale(row) = Metric == DistanceMetric.Cosine ? InverseLength(VectorSpan(row)) : 0f;
        var chunk = row >> InfoShift;
        if (chunk == _infos.Length)
            Array.Resize(ref _infos, chunk * 2);

        ref var slots = ref _infos[chunk];
        slots ??= new RowInfo[InfoChunkRows];
        slots[row & (InfoChunkRows - 1)] = info with { Metadata = _metadata.Store(info.Metadata.Span) };
    }

    /// <summary>The sum of squares, in double so that no finite float32 vector overflows it.</summary>
    public static double SquaredLength(ReadOnlySpan<float> vector)
    {
        var sum = 0d;
        foreach (var component in vector)
            sum += (double)component * component;
        return sum;
    }

    public static float InverseLength(ReadOnlySpan<float> vector) => (float)(1d / Math.Sqrt(SquaredLength(vector)));

    public void Dispose()
    {
        _vectors.Dispose();
        _scales.Dispose();
        _diedAt.Dispose();
    }
}
