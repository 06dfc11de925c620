using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Storage;

/// <summary>Writes a piece file from its start to its end, aside until <see cref="Commit"/>.</summary>
internal sealed class PieceFileWriter(IStorageDevice device, string path, uint kind) : IDisposable
{
    private readonly AsideFile _aside = new(device, path);
    private readonly byte[] _piece = new byte[PieceFileFormat.PieceBytes];
    private readonly List<ulong> _hashes = [];
    private int _filled = FileHeader.Bytes;

    /// <summary>The file offset that the next byte goes to.</summary>
    public long Position => (long)_hashes.Count * PieceFileFormat.PieceBytes + _filled;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var take = Math.Min(bytes.Length, _piece.Length - _filled);
            bytes[..take].CopyTo(_piece.AsSpan(_filled));
            Advance(take);
            bytes = bytes[take..];
        }
    }

    /// <summary>Fills with zeros up to the next offset that leaves the given remainder when divided by
    /// <paramref name="alignment"/>.</summary>
    public void PadTo(int alignment, int remainder)
    {
        var left = (int)(((remainder - Position) % alignment + alignment) % alignment);
        while (left > 0)
        {
            var take = Math.Min(left, _piece.Length - _filled);
            _piece.AsSpan(_filled, take).Clear();
            Advance(take);
            left -= take;
        }
    }

    /// <summary>Finishes the file and gives it its name; durable when this returns.</summary>
    public void Commit(ReadOnlySpan<byte> directory)
    {
        var directoryOffset = Position;
        if (_filled > 0)
            FlushPiece();
        _aside.Write(directoryOffset, Complete(directory));
        Span<byte> header = stackalloc byte[FileHeader.Bytes];
        FileHeader.Write(header, kind, directoryOffset);
        _aside.Write(0, header);
        _aside.Commit();
    }

    public void Dispose() => _aside.Dispose();

    private void Advance(int bytes)
    {
        _filled += bytes;
        if (_filled == _piece.Length)
            FlushPiece();
    }

    private void FlushPiece()
    {
        var number = _hashes.Count;
        var start = number == 0 ? FileHeader.Bytes : 0;
        var content = _piece.AsSpan(start, _filled - start);
        _hashes.Add(XxHash3.HashToUInt64(content, number));
        _aside.Write((long)number * PieceFileFormat.PieceBytes + start, content);
        _filled = 0;
    }

    private byte[] Complete(ReadOnlySpan<byte> directory)
    {
        var hashBytes = _hashes.Count * PieceFileFormat.HashBytes;
        var whole = new byte[PieceFileFormat.LengthBytes + directory.Length + hashBytes + PieceFileFormat.HashBytes];
        BinaryPrimitives.WriteInt32LittleEndian(whole, directory.Length);
        directory.CopyTo(whole.AsSpan(PieceFileFormat.LengthBytes));
        MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(_hashes))
            .CopyTo(whole.AsSpan(PieceFileFormat.LengthBytes + directory.Length));
        var hashed = whole.AsSpan(0, whole.Length - PieceFileFormat.HashBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(whole.AsSpan(hashed.Length), XxHash3.HashToUInt64(hashed));
        return whole;
    }
}
