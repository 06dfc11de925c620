using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Reads a block file from its start to its end; every block is checked before a byte of it is given out.
/// </summary>
internal sealed class BlockFileReader : IDisposable
{
    private readonly IStorageFile _file;
    private readonly string _path;
    private readonly byte[] _block = new byte[BlockFileFormat.BlockBytes];
    private long _offset = FileHeader.Bytes;
    private long _unreadPayload;
    private int _blockNumber;
    private int _blockBytes;
    private int _taken;

    public BlockFileReader(IStorageDevice device, string path, uint kind)
    {
        _path = path;
        _file = device.Open(path, writable: false);
        try
        {
            Span<byte> header = stackalloc byte[FileHeader.Bytes];
            var read = _file.Read(0, header);
            _unreadPayload = FileHeader.Read(header[..read], kind, path);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    /// <summary>Payload bytes not yet given out.</summary>
    public long Remaining => _unreadPayload + _blockBytes - _taken;

    /// <summary>Fills the span, or fails when the payload ends before it.</summary>
    public void Read(Span<byte> target)
    {
        if (target.Length > Remaining)
            throw Corrupt($"{target.Length} bytes were expected, {Remaining} are left");

        while (!target.IsEmpty)
        {
            if (_taken == _blockBytes)
                NextBlock();

            var take = Math.Min(target.Length, _blockBytes - _taken);
            _block.AsSpan(_taken, take).CopyTo(target);
            _taken += take;
            target = target[take..];
        }
    }

    public T Read<T>()
        where T : unmanaged
    {
        T value = default;
        Read(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        return value;
    }

    /// <summary>A failure at the present place, for content that is sound by checksum and still makes no
    /// sense.</summary>
    public CorruptDataException Corrupt(string reason) => new(_path, _offset, reason);

    public void Dispose() => _file.Dispose();

    private void NextBlock()
    {
        Span<byte> header = stackalloc byte[BlockFileFormat.BlockHeaderBytes];
        if (_file.Read(_offset, header) != header.Length)
            throw Corrupt("the file ends in a block header");

        var bytes = BinaryPrimitives.ReadInt32LittleEndian(header);
        var number = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (bytes is <= 0 or > BlockFileFormat.BlockBytes || bytes > _unreadPayload || number != _blockNumber)
            throw Corrupt($"block {_blockNumber} has no sound header");

        var payload = _block.AsSpan(0, bytes);
        if (_file.Read(_offset + header.Length, payload) != bytes)
            throw Corrupt($"the file ends in block {_blockNumber}");

        if (XxHash3.HashToUInt64(payload, number) != BinaryPrimitives.ReadUInt64LittleEndian(header[8..]))
            throw Corrupt($"block {_blockNumber} does not match its checksum");

        _offset += header.Length + bytes;
        _unreadPayload -= bytes;
        _blockNumber++;
        _blockBytes = bytes;
        _taken = 0;
    }
}
