using System.Buffers.Binary;
using System.IO.Hashing;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The form of every file that is written once: a header of 64 bytes (magic, version, kind, payload length, hash of the
/// header), then the payload in blocks, each with its length and a hash seeded by its number, so that a damaged or
/// misplaced block is found and named by its offset. All numbers are little-endian.
/// </summary>
internal static class BlockFileFormat
{
    public const int HeaderBytes = 64;
    public const int BlockHeaderBytes = 16;
    public const int BlockBytes = 1 << 20;
    public const uint Version = 1;

    private const ulong Magic = 0x0045_4C49_4641_4154; // "TAIFILE" and a zero
    private const int HashedHeaderBytes = 24;

    /// <summary>Fills a header of <see cref="HeaderBytes"/>.</summary>
    public static void WriteHeader(Span<byte> header, uint kind, long payloadBytes)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], kind);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], payloadBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(
            header[HashedHeaderBytes..], XxHash3.HashToUInt64(header[..HashedHeaderBytes]));
    }

    /// <summary>The payload length of a sound header.</summary>
    public static long ReadHeader(ReadOnlySpan<byte> header, uint kind, string file)
    {
        if (header.Length < HeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic)
            throw new CorruptDataException(file, 0, "this is not a file of the engine");

        var expected = BinaryPrimitives.ReadUInt64LittleEndian(header[HashedHeaderBytes..]);
        if (XxHash3.HashToUInt64(header[..HashedHeaderBytes]) != expected)
            throw new CorruptDataException(file, 0, "the header does not match its checksum");

        // The rest of the header is always zero: a bit set there is damage too.
        if (header[(HashedHeaderBytes + sizeof(ulong))..HeaderBytes].ContainsAnyExcept((byte)0))
            throw new CorruptDataException(file, HashedHeaderBytes + sizeof(ulong), "the header does not end in zeros");

        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != Version)
            throw new CorruptDataException(file, 8, $"version {version} is not known, expected {Version}");

        var found = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (found != kind)
            throw new CorruptDataException(file, 12, $"kind {found} is not the expected {kind}");

        return BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
    }
}

/// <summary>What a block file holds; the numbers are part of the format.</summary>
internal static class FileKinds
{
    public const uint Manifest = 1;
    public const uint Segment = 2;
    public const uint Tombstones = 3;
    public const uint Graph = 4;
}
