using System.Numerics;
using System.Runtime.CompilerServices;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Rows of one fixed size in unmanaged chunks that never move, so that readers keep their pointers while a writer
/// appends. Only the table of chunks is replaced when it grows; retired tables live until the end, because a reader may
/// still hold one. Growing is for one writer at a time; a reader may touch any row that was published to it.
/// </summary>
internal sealed unsafe class ChunkedRows : IDisposable
{
    private const int ChunkBytesTarget = 8 << 20;
    private const int RowsPerChunkMax = 1 << 16;
    private const int FirstTableChunks = 16;

    /// <summary>So many rows of any multiple of this size fill whole pages, whatever the size of the rows.</summary>
    private const int MappableStrideBytes = 32;

    private static readonly int RowsPerChunkMin = SystemPages.Bytes / MappableStrideBytes;

    private readonly List<NativeBlock> _chunks = [];
    private readonly List<NativeBlock> _tables = [];
    private byte** _table;
    private int _tableChunks;
    private long _rows;
    private NativeBlock? _next;
    private Task _populating = Task.CompletedTask;

    public ChunkedRows(int strideBytes)
    {
        StrideBytes = strideBytes;
        var rows = Math.Clamp(ChunkBytesTarget / strideBytes, RowsPerChunkMin, RowsPerChunkMax);
        Shift = BitOperations.Log2((uint)rows);
        Mask = (1 << Shift) - 1;
    }

    public int StrideBytes { get; }

    /// <summary>The smallest size not below this one of which any number of rows may be mapped.</summary>
    public static int MappableStride(int bytes) =>
        (bytes + MappableStrideBytes - 1) / MappableStrideBytes * MappableStrideBytes;

    /// <summary>Row number shifted right by this is the chunk.</summary>
    public int Shift { get; }

    /// <summary>Row number masked by this is the place in its chunk.</summary>
    public int Mask { get; }

    public int RowsPerChunk => Mask + 1;

    private nuint ChunkBytes => (nuint)StrideBytes * (nuint)RowsPerChunk;

    /// <summary>Bytes of rows that only memory holds. What lies behind the last row was never touched and takes none,
    /// but for what <see cref="PrepareNextChunk"/> made ready.</summary>
    public long Bytes => Interlocked.Read(ref _rows) * StrideBytes - MappedBytes;

    /// <summary>Bytes of rows that a file holds too, which the system may drop and read again.</summary>
    public long MappedBytes => Mapped.Bytes;

    public MappedRanges Mapped { get; } = new();

    /// <summary>Whether a file may be mapped over rows: address and file offset can then agree in every chunk.
    /// </summary>
    public bool CanMap => SystemPages.CanMap && StrideBytes % MappableStrideBytes == 0;

    /// <summary>Makes room for rows 0 to <paramref name="rows"/> − 1. One writer at a time.</summary>
    public void EnsureRows(int rows)
    {
        var wanted = (int)(((long)rows + Mask) >> Shift);
        while (_chunks.Count < wanted)
        {
            if (_chunks.Count == _tableChunks)
                GrowTable();

            // The first chunk stays on small pages: a process may hold very many small collections.
            var chunk = _next ?? new NativeBlock(ChunkBytes, _chunks.Count > 0 ? HugeBytes(rows) : 0);
            _next = null;
            _table[_chunks.Count] = chunk.Pointer;
            _chunks.Add(chunk);
        }

        if (rows > _rows)
            Interlocked.Exchange(ref _rows, rows);
    }

    /// <summary>
    /// Has the chunk behind the present last one made ready in the background, so that whoever appends does not wait
    /// for the system's pages: on a virtual machine whose host gives memory only when it is touched, that takes longer
    /// than filling them. At most one chunk is ahead. For the one who grows.
    /// </summary>
    public void PrepareNextChunk()
    {
        if (_next is not null || !SystemPages.CanMap || !_populating.IsCompleted)
            return;

        var next = new NativeBlock(ChunkBytes, hugePages: true);
        _next = next;
        if (next.IsWholePages)
            _populating = Populate(next);
    }

    /// <summary>The address of a row below the last <see cref="EnsureRows"/> that the caller has seen.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Row(int row) => _table[row >> Shift] + (nint)(row & Mask) * StrideBytes;

    /// <summary>How many rows from this one on lie behind each other, at most <paramref name="most"/>.</summary>
    public int Contiguous(int row, int most) => Math.Min(most, RowsPerChunk - (row & Mask));

    public void Dispose()
    {
        // Should pages still be on their way, the system finds no block there any more and leaves it.
        _next?.Dispose();
        foreach (var block in _chunks.Concat(_tables))
            block.Dispose();
    }

    /// <summary>How much of the next chunk will fill huge pages. Where rows come a few at a time, all of it; where very
    /// many come at once, as out of a file, more may never follow, and only what they fill.</summary>
    private nuint HugeBytes(int rows)
    {
        if (rows - _rows <= RowsPerChunk)
            return ChunkBytes;

        var before = (long)_chunks.Count << Shift;
        return (nuint)StrideBytes * (nuint)Math.Min(rows - before, RowsPerChunk);
    }

    /// <summary>On a thread of ordinary weight: whoever appends waits for these pages sooner or later.</summary>
    private static Task Populate(NativeBlock block) => Task.Factory.StartNew(
        () => SystemPages.Populate(block.Pointer, block.Bytes),
        CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private void GrowTable()
    {
        var chunks = Math.Max(FirstTableChunks, _tableChunks * 2);
        var table = new NativeBlock((nuint)chunks * (nuint)sizeof(byte*), hugePages: false);
        if (_tableChunks > 0)
            Buffer.MemoryCopy(_table, table.Pointer, (long)table.Bytes, (long)_tableChunks * sizeof(byte*));

        _tables.Add(table);
        _tableChunks = chunks;
        Interlocked.MemoryBarrier();
        _table = (byte**)table.Pointer;
    }
}
