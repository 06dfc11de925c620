using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>
/// The bytes of the write-ahead log. A file begins with a header of 64 bytes: magic, version, number of this log, and
/// the length up to which the log before it is valid (a log that failed to write is left at its last good byte, and its
/// successor says which). Records follow, each at a multiple of 8: a header of 32 bytes (magic, payload length, the
/// file length that was durable before this write, hash of the payload, hash of the header) and the payload. A log is
/// written in whole blocks (<see cref="BlockBytes"/>): zeros fill the last one up.
/// <para>
/// Payload bytes are stored turned over (exclusive or with <see cref="Veil"/>), so that written data does not contain
/// whole sectors of zeros. A sector of zeros then means one thing only: the file grew, but the data never came, which
/// is a torn write and not damage.
/// </para>
/// </summary>
internal static class LogFormat
{
    public const int FileHeaderBytes = 64;
    public const int RecordHeaderBytes = 32;
    public const int Alignment = 8;
    public const int SectorBytes = 512;
    public const int BlockBytes = DirectFiles.BlockBytes;
    public const int PayloadBytesMax = 1 << 30;

    private const uint RecordMagic = 0x5245_4331; // "1CER"
    private const ulong FileMagic = 0x0047_4F4C_4941_5431;
    private const uint Version = 2;
    private const int HashedFileHeaderBytes = 32;
    private const int HashedRecordHeaderBytes = 24;
    private const byte Veil = 0xA6;

    public static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

    /// <summary>The start of the block that a byte lies in.</summary>
    public static long BlockOf(long bytes) => bytes / BlockBytes * BlockBytes;

    public static long WholeBlocks(long bytes) => BlockOf(bytes + BlockBytes - 1);

    public static void WriteFileHeader(Span<byte> header, long number, long previousBytes)
    {
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, FileMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[8..], Version);
        BinaryPrimitives.WriteInt64LittleEndian(header[16..], number);
        BinaryPrimitives.WriteInt64LittleEndian(header[24..], previousBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(
            header[HashedFileHeaderBytes..], XxHash3.HashToUInt64(header[..HashedFileHeaderBytes]));
    }

    /// <summary>False when the header is not a sound one of this number.</summary>
    public static bool TryReadFileHeader(ReadOnlySpan<byte> header, long number, out long previousBytes)
    {
        previousBytes = 0;
        if (header.Length < FileHeaderBytes
            || BinaryPrimitives.ReadUInt64LittleEndian(header) != FileMagic
            || BinaryPrimitives.ReadUInt32LittleEndian(header[8..]) != Version
            || BinaryPrimitives.ReadInt64LittleEndian(header[16..]) != number
            || XxHash3.HashToUInt64(header[..HashedFileHeaderBytes])
                != BinaryPrimitives.ReadUInt64LittleEndian(header[HashedFileHeaderBytes..])
            || header[(HashedFileHeaderBytes + sizeof(ulong))..FileHeaderBytes].ContainsAnyExcept((byte)0))
        {
            return false;
        }

        previousBytes = BinaryPrimitives.ReadInt64LittleEndian(header[24..]);
        return true;
    }

    /// <summary>Fills the header in front of a payload.</summary>
    /// <param name="header">Where to.</param>
    /// <param name="payloadBytes">Length of the payload.</param>
    /// <param name="payloadHash">Of the payload as it is before it is turned over.</param>
    /// <param name="durableBytes">Length of the file that is on the disk for certain.</param>
    public static void WriteRecordHeader(Span<byte> header, int payloadBytes, ulong payloadHash, long durableBytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, RecordMagic);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], payloadBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], durableBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], payloadHash);
        BinaryPrimitives.WriteUInt64LittleEndian(
            header[HashedRecordHeaderBytes..], XxHash3.HashToUInt64(header[..HashedRecordHeaderBytes]));
    }

    public static bool TryReadRecordHeader(
        ReadOnlySpan<byte> header, out int payloadBytes, out long durableBytes, out ulong payloadHash)
    {
        payloadBytes = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        durableBytes = BinaryPrimitives.ReadInt64LittleEndian(header[8..]);
        payloadHash = BinaryPrimitives.ReadUInt64LittleEndian(header[16..]);
        return BinaryPrimitives.ReadUInt32LittleEndian(header) == RecordMagic
            && payloadBytes is > 0 and <= PayloadBytesMax
            && XxHash3.HashToUInt64(header[..HashedRecordHeaderBytes])
                == BinaryPrimitives.ReadUInt64LittleEndian(header[HashedRecordHeaderBytes..]);
    }

    /// <summary>Turns bytes over; doing it twice gives them back. Source and target may be the same.</summary>
    public static void TurnOver(ReadOnlySpan<byte> source, Span<byte> target)
    {
        var words = MemoryMarshal.Cast<byte, Vector<byte>>(source);
        var turned = MemoryMarshal.Cast<byte, Vector<byte>>(target)[..words.Length];
        var veil = new Vector<byte>(Veil);
        for (var i = 0; i < words.Length; i++)
            turned[i] = words[i] ^ veil;
        for (var i = words.Length * Vector<byte>.Count; i < source.Length; i++)
            target[i] = (byte)(source[i] ^ Veil);
    }
}
