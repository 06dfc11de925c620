using System.Buffers.Binary;
using System.IO.Hashing;

namespace Taishang.VectorEngine.Storage;

/// <summary>
/// The first 64 bytes of every file that is written once: magic, version, kind, a length whose meaning the form of the
/// file decides, and the hash of all that; the rest is zero. All numbers are little-endian.
/// </summary>
internal static class FileHeader
{
    public const int Bytes = 64;

    private const ulong Magic = 0x0045_4C49_4641_4154; // "TAIFILE" and a zero
    private const int HashedBytes = 24;

    /// <summary>Fills a header of <see cref="Bytes"/>.</summary>
    public static void Write(Span<byte> header, uint kind, long length)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], VersionOf(kind));
        BinaryPrimitives.WriteUInt32LittleEndian(header[12..], kind);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[HashedBytes..], XxHash3.HashToUInt64(header[..HashedBytes]));
    }

    /// <summary>The length that a sound header states.</summary>
    public static long Read(ReadOnlySpan<byte> header, uint kind, string file)
    {
        if (header.Length < Bytes || BinaryPrimitives.ReadUInt64LittleEndian(header) != Magic)
            throw new CorruptDataException(file, 0, "this is not a file of the engine");

        var expected = BinaryPrimitives.ReadUInt64LittleEndian(header[HashedBytes..]);
        if (XxHash3.HashToUInt64(header[..HashedBytes]) != expected)
            throw new CorruptDataException(file, 0, "the header does not match its checksum");

        // The rest of the header is always zero: a bit set there is damage too.
        if (header[(HashedBytes + sizeof(ulong))..Bytes].ContainsAnyExcept((byte)0))
            throw new CorruptDataException(file, HashedBytes + sizeof(ulong), "the header does not end in zeros");

        var found = BinaryPrimitives.ReadUInt32LittleEndian(header[12..]);
        if (found != kind)
            throw new CorruptDataException(file, 12, $"kind {found} is not the expected {kind}");

        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        if (version != VersionOf(kind))
            throw new CorruptDataException(file, 8, $"version {version} is not known, expected {VersionOf(kind)}");

        return BinaryPrimitives.ReadInt64LittleEndian(header[16..]);
    }

    /// <summary>Each kind has a version of its own, so that a new form of one leaves the others readable.</summary>
    private static uint VersionOf(uint kind) => kind switch
    {
        FileKinds.Graph => 4,
        FileKinds.Segment => 3,
        FileKinds.Lists => 2,
        _ => 1,
    };
}

/// <summary>What a file holds; the numbers are part of the format.</summary>
internal static class FileKinds
{
    public const uint Manifest = 1;
    public const uint Segment = 2;
    public const uint Tombstones = 3;
    public const uint Graph = 4;
    public const uint Lists = 5;
    public const uint Snapshot = 16;
    public const uint Shards = 32;
}
