using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Entries that came after the lists were made: for each list a chain of chunks. One writer appends; readers follow the
/// chain and read of each chunk as many entries as its count says. Chunks never move.
/// </summary>
internal sealed unsafe class IvfTails : IDisposable
{
    /// <summary>About the size of a chunk; each list wastes half of one.</summary>
    private const int ChunkBytesTarget = 8 << 10;
    private const int EntriesMax = 8;

    /// <summary>A list that holds every row wastes half a chunk once.</summary>
    private const int EntriesOfOnlyList = 1_024;
    private const int HeaderBytes = 2 * sizeof(int);
    private const int Alignment = 64;
    private const int NoChunk = -1;

    private readonly IvfEntries _entries;
    private readonly ChunkedRows _chunks;
    private readonly int[] _first;
    private readonly int[] _last;
    private readonly int _entriesPerChunk;
    private readonly int _entriesOffset;
    private int _count;

    public IvfTails(IvfEntries entries, int lists)
    {
        _entries = entries;
        _first = new int[lists];
        _last = new int[lists];
        Array.Fill(_first, NoChunk);
        _entriesPerChunk = lists == 1
            ? EntriesOfOnlyList
            : Math.Clamp(ChunkBytesTarget / entries.Bytes, 1, EntriesMax);
        _entriesOffset = RoundUp(HeaderBytes + _entriesPerChunk * sizeof(int));
        _chunks = new ChunkedRows(
            RoundUp(_entriesOffset + _entriesPerChunk * entries.Bytes + IvfEntries.SlackBytes));
    }

    public long Bytes => _chunks.Bytes;

    public long TableBytes => _first.Length * 2L * sizeof(int);

    public void Append(int list, int row)
    {
        var chunk = _last[list];
        if (_first[list] == NoChunk || *Count(chunk) == _entriesPerChunk)
            chunk = AddChunk(list);

        var at = *Count(chunk);
        *(RowsOf(chunk) + at) = row;
        _entries.Put(row, EntriesOf(chunk) + (nint)at * _entries.Bytes);
        Volatile.Write(ref *Count(chunk), at + 1);
    }

    /// <summary>The first chunk of a list, or −1.</summary>
    public int First(int list) => Volatile.Read(ref _first[list]);

    /// <summary>The chunk behind this one, or −1.</summary>
    public int Next(int chunk) => Volatile.Read(ref *(Count(chunk) + 1));

    public IvfRun Run(int chunk) => new(RowsOf(chunk), EntriesOf(chunk), Volatile.Read(ref *Count(chunk)));

    public void Dispose() => _chunks.Dispose();

    private int AddChunk(int list)
    {
        var chunk = _count++;
        _chunks.EnsureRows(_count);
        *Count(chunk) = 0;
        *(Count(chunk) + 1) = NoChunk;
        if (_first[list] == NoChunk)
            Volatile.Write(ref _first[list], chunk);
        else
            Volatile.Write(ref *(Count(_last[list]) + 1), chunk);
        return _last[list] = chunk;
    }

    private int* Count(int chunk) => (int*)_chunks.Row(chunk);

    private int* RowsOf(int chunk) => (int*)(_chunks.Row(chunk) + HeaderBytes);

    private byte* EntriesOf(int chunk) => _chunks.Row(chunk) + _entriesOffset;

    private static int RoundUp(int bytes) => (bytes + Alignment - 1) / Alignment * Alignment;
}
