using System.Runtime.CompilerServices;
using System.Text;

namespace Taishang.VectorEngine.Storage;

/// <summary>What a row is given with beside its vector, before it is stored.</summary>
/// <param name="id">UTF-8, 1 to <see cref="RowRecord.IdBytesMax"/> bytes.</param>
/// <param name="isInteger">Whether the caller wrote the id as a JSON integer.</param>
/// <param name="expiresAtTicks">UTC ticks, or <see cref="RowRecord.Never"/>.</param>
/// <param name="metadata">JSON in UTF-8, or empty.</param>
internal readonly ref struct RowFields(
    ReadOnlySpan<byte> id, bool isInteger, long expiresAtTicks, ReadOnlySpan<byte> metadata)
{
    public ReadOnlySpan<byte> Id { get; } = id;

    public bool IsInteger { get; } = isInteger;

    public long ExpiresAtTicks { get; } = expiresAtTicks;

    public ReadOnlySpan<byte> Metadata { get; } = metadata;

    public int RecordBytes =>
        RowRecord.Size(Id.Length, ExpiresAtTicks != RowRecord.Never, Metadata.Length);
}

/// <summary>
/// What a row carries beside its vector, as it lies in memory and in segment files: 4 bytes of lengths and flags, 8 of
/// expiry where there is one, the id, the metadata. Little-endian, unaligned. The memory belongs to the table.
/// </summary>
internal readonly unsafe struct RowRecord(byte* start)
{
    public const int IdBytesMax = 4 * Limits.IdCharactersMax;

    /// <summary>The expiry of a row that stays.</summary>
    public const long Never = long.MaxValue;

    private const int HeadBytes = sizeof(uint);
    private const int ExpiryBytes = sizeof(long);
    private const uint IntegerFlag = 1;
    private const uint ExpiryFlag = 2;
    private const int IdShift = 2;
    private const uint IdMask = 0x3FF;
    private const int MetadataShift = 12;

    public byte* Start => start;

    public ReadOnlySpan<byte> Id => new(start + IdOffset, IdBytes);

    public bool IsInteger => (Head & IntegerFlag) != 0;

    /// <summary>UTC ticks from which on the row is gone, or <see cref="Never"/>.</summary>
    public long ExpiresAtTicks =>
        (Head & ExpiryFlag) != 0 ? Unsafe.ReadUnaligned<long>(start + HeadBytes) : Never;

    public ReadOnlySpan<byte> Metadata => new(start + IdOffset + IdBytes, MetadataBytes);

    public int Bytes => IdOffset + IdBytes + MetadataBytes;

    private uint Head => Unsafe.ReadUnaligned<uint>(start);

    private int IdOffset => (Head & ExpiryFlag) != 0 ? HeadBytes + ExpiryBytes : HeadBytes;

    private int IdBytes => (int)(Head >> IdShift & IdMask);

    private int MetadataBytes => (int)(Head >> MetadataShift);

    public VectorId ToId() => new(Encoding.UTF8.GetString(Id), IsInteger);

    public static int Size(int idBytes, bool hasExpiry, int metadataBytes) =>
        HeadBytes + (hasExpiry ? ExpiryBytes : 0) + idBytes + metadataBytes;

    /// <summary>Writes the record of a row to where <see cref="RowFields.RecordBytes"/> bytes are free.</summary>
    public static void Write(byte* target, in RowFields row)
    {
        var hasExpiry = row.ExpiresAtTicks != Never;
        var head = (uint)row.Metadata.Length << MetadataShift | (uint)row.Id.Length << IdShift
            | (hasExpiry ? ExpiryFlag : 0) | (row.IsInteger ? IntegerFlag : 0);
        Unsafe.WriteUnaligned(target, head);
        target += HeadBytes;
        if (hasExpiry)
        {
            Unsafe.WriteUnaligned(target, row.ExpiresAtTicks);
            target += ExpiryBytes;
        }

        row.Id.CopyTo(new Span<byte>(target, row.Id.Length));
        row.Metadata.CopyTo(new Span<byte>(target + row.Id.Length, row.Metadata.Length));
    }

    /// <summary>Whether a record that makes sense begins here and ends within <paramref name="bytes"/>.</summary>
    public static bool IsSound(byte* start, long bytes)
    {
        if (bytes < HeadBytes)
            return false;

        var record = new RowRecord(start);
        return record.IdBytes is > 0 and <= IdBytesMax && record.MetadataBytes <= Limits.MetadataBytesMax
            && record.Bytes <= bytes;
    }
}
