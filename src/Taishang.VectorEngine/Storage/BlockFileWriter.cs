using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// Writes a block file aside and puts it in place in one step: until <see cref="Commit"/> has returned, nothing under
/// the final name has changed; after it, the file and its name are on the disk. Disposing without a commit removes what
/// was written aside.
/// </summary>
internal sealed class BlockFileWriter : IDisposable
{
    public const string AsideSuffix = ".tmp";

    private readonly IStorageDevice _device;
    private readonly IStorageFile _file;
    private readonly string _path;
    private readonly uint _kind;
    private readonly byte[] _block = new byte[BlockFileFormat.BlockHeaderBytes + BlockFileFormat.BlockBytes];
    private int _filled;
    private int _blockNumber;
    private long _offset = BlockFileFormat.HeaderBytes;
    private long _payloadBytes;
    private bool _committed;

    public BlockFileWriter(IStorageDevice device, string path, uint kind)
    {
        _device = device;
        _path = path;
        _kind = kind;
        _file = device.Create(path + AsideSuffix);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var take = Math.Min(bytes.Length, BlockFileFormat.BlockBytes - _filled);
            bytes[..take].CopyTo(_block.AsSpan(BlockFileFormat.BlockHeaderBytes + _filled));
            _filled += take;
            bytes = bytes[take..];
            if (_filled == BlockFileFormat.BlockBytes)
                FlushBlock();
        }
    }

    /// <summary>Writes a plain number or structure as it lies in memory.</summary>
    public void Write<T>(T value)
        where T : unmanaged => Write(MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Finishes the file and gives it its name; durable when this returns.</summary>
    public void Commit()
    {
        FlushBlock();
        Span<byte> header = stackalloc byte[BlockFileFormat.HeaderBytes];
        BlockFileFormat.WriteHeader(header, _kind, _payloadBytes);
        _file.Write(0, header);
        _file.Sync();
        _file.Dispose();
        _device.Rename(_path + AsideSuffix, _path);
        _committed = true;
        _device.SyncFolder(Path.GetDirectoryName(_path) ?? ".");
    }

    public void Dispose()
    {
        _file.Dispose();
        if (_committed)
            return;

        try
        {
            _device.Delete(_path + AsideSuffix);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is left aside is ignored by every reader and removed at the next opening.
        }
    }

    private void FlushBlock()
    {
        if (_filled == 0)
            return;

        var payload = _block.AsSpan(BlockFileFormat.BlockHeaderBytes, _filled);
        BinaryPrimitives.WriteInt32LittleEndian(_block, _filled);
        BinaryPrimitives.WriteInt32LittleEndian(_block.AsSpan(4), _blockNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(_block.AsSpan(8), XxHash3.HashToUInt64(payload, _blockNumber));
        _file.Write(_offset, _block.AsSpan(0, BlockFileFormat.BlockHeaderBytes + _filled));
        _offset += BlockFileFormat.BlockHeaderBytes + _filled;
        _payloadBytes += _filled;
        _blockNumber++;
        _filled = 0;
    }
}
