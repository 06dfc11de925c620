using System.Buffers.Binary;
using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Taishang.VectorEngine.Log;

/// <summary>
/// The bytes of the write-ahead log. A file begins with a header of 64 bytes: magic, version, number of this log, and
/// the length up to which the log before it is valid (a log that failed to write is left at its last good byte, and its
/// successor says which). Records follow, each at a multiple of 8: a header of 32 bytes (magic, payload length, the
/// file length that was durable before this write, hash of the payload, hash of the header) and the payload.
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
    public const int PayloadBytesMax = 1 << 30;

    private const uint RecordMagic = 0x5245_4331; // "1CER"
    private const ulong FileMagic = 0x0047_4F4C_4941_5431;
    private const uint Version = 1;
    private const int HashedFileHeaderBytes = 32;
    private const int HashedRecordHeaderBytes = 24;
    private const byte Veil = 0xA6;

    public static long Aligned(long bytes) => (bytes + Alignment - 1) / Alignment * Alignment;

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

    /// <summary>Fills the header in front of a payload that is veiled already.</summary>
    public static void WriteRecordHeader(Span<byte> header, ReadOnlySpan<byte> payload, long durableBytes)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, RecordMagic);
        BinaryPrimitives.WriteInt32LittleEndian(header[4..], payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[8..], durableBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], XxHash3.HashToUInt64(payload));
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

    /// <summary>Turns a payload over, in place; doing it twice gives the payload back.</summary>
    public static void TurnOver(Span<byte> payload)
    {
        var words = MemoryMarshal.Cast<byte, Vector<byte>>(payload);
        var veil = new Vector<byte>(Veil);
        for (var i = 0; i < words.Length; i++)
            words[i] ^= veil;
        for (var i = words.Length * Vector<byte>.Count; i < payload.Length; i++)
            payload[i] ^= Veil;
    }
}
