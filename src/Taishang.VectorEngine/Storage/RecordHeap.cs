using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Records of rows, behind each other in large unmanaged blocks: millions of small objects would keep the garbage
/// collector busy. Blocks grow with the heap, so that a small collection stays small. One writer; records never move.
/// </summary>
internal sealed unsafe class RecordHeap : IDisposable
{
    private const int FirstBlockBytes = 16 << 10;
    private const int BlockBytesMax = 4 << 20;

    private readonly List<NativeBlock> _blocks = [];
    private byte* _next;
    private long _free;
    private int _blockBytes = FirstBlockBytes;
    private long _usedBytes;

    /// <summary>Bytes that only memory holds.</summary>
    public long Bytes => Interlocked.Read(ref _usedBytes) - MappedBytes;

    public long MappedBytes => Mapped.Bytes;

    public MappedRanges Mapped { get; } = new();

    /// <summary>Room for one record.</summary>
    public byte* Take(int bytes)
    {
        if (bytes > _free)
        {
            var block = new NativeBlock((nuint)Math.Max(bytes, _blockBytes), hugePages: false);
            _blocks.Add(block);
            _next = block.Pointer;
            _free = (long)block.Bytes;
            _blockBytes = Math.Min(_blockBytes * 2, BlockBytesMax);
        }

        var taken = _next;
        _next += bytes;
        _free -= bytes;
        Interlocked.Add(ref _usedBytes, bytes);
        return taken;
    }

    /// <summary>A block of its own for records out of a file, at an address that allows them to be mapped.</summary>
    public byte* TakeBlock(long bytes, long fileOffset)
    {
        var ahead = bytes < FilePages.MappedBytesMin ? 0 : (nuint)(fileOffset % SystemPages.Bytes);
        var block = new NativeBlock((nuint)bytes + ahead, hugePages: false);
        _blocks.Add(block);
        Interlocked.Add(ref _usedBytes, bytes);
        return block.Pointer + ahead;
    }

    public void Dispose()
    {
        foreach (var block in _blocks)
            block.Dispose();
    }
}
