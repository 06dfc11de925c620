using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>Writes a block file from its start to its end, aside until <see cref="Commit"/>.</summary>
internal sealed class BlockFileWriter(IStorageDevice device, string path, uint kind) : IDisposable
{
    private readonly AsideFile _aside = new(device, path);
    private readonly byte[] _block = new byte[BlockFileFormat.BlockHeaderBytes + BlockFileFormat.BlockBytes];
    private int _filled;
    private int _blockNumber;
    private long _offset = FileHeader.Bytes;
    private long _payloadBytes;

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
        Span<byte> header = stackalloc byte[FileHeader.Bytes];
        FileHeader.Write(header, kind, _payloadBytes);
        _aside.Write(0, header);
        _aside.Commit();
    }

    public void Dispose() => _aside.Dispose();

    private void FlushBlock()
    {
        if (_filled == 0)
            return;

        var payload = _block.AsSpan(BlockFileFormat.BlockHeaderBytes, _filled);
        BinaryPrimitives.WriteInt32LittleEndian(_block, _filled);
        BinaryPrimitives.WriteInt32LittleEndian(_block.AsSpan(4), _blockNumber);
        BinaryPrimitives.WriteUInt64LittleEndian(_block.AsSpan(8), XxHash3.HashToUInt64(payload, _blockNumber));
        _aside.Write(_offset, _block.AsSpan(0, BlockFileFormat.BlockHeaderBytes + _filled));
        _offset += BlockFileFormat.BlockHeaderBytes + _filled;
        _payloadBytes += _filled;
        _blockNumber++;
        _filled = 0;
    }
}
