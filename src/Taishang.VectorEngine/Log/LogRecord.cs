using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Log;

/// <summary>What a record does; the numbers are part of the format.</summary>
internal enum LogRecordKind : byte
{
    Upsert = 1,
    Delete = 2,

    /// <summary>The records behind it are a shard's part of one call.</summary>
    Part = 3,
}

/// <summary>
/// The payload of one record: kind and number of entries, then the entries. An upsert's entry is id length, flags,
/// metadata length, expiry, id, metadata, vector; a delete's is id length, flags, id. The same bytes are applied to
/// memory by a running collection and by recovery, so that both always agree.
/// </summary>
internal static class LogRecord
{
    private const int HeaderBytes = 8;
    private const int UpsertEntryBytes = 16;
    private const int PartBytes = HeaderBytes + sizeof(long);
    private const int DeleteEntryBytes = 4;
    private const byte IntegerFlag = 1;

    /// <summary>Encodes rows that were checked before. The buffer comes from the shared pool and goes back to it by
    /// disposing.</summary>
    public static LogBuffer Upsert(IReadOnlyList<VectorRow> rows, long[] expiries, IReadOnlyList<int> chosen)
    {
        var bytes = HeaderBytes;
        foreach (var i in chosen)
        {
            var row = rows[i];
            bytes = checked(bytes + UpsertEntryBytes + Encoding.UTF8.GetByteCount(row.Id.Text)
                + row.MetadataJson.Length + row.Vector.Length * sizeof(float));
        }

        var buffer = new LogBuffer(bytes, chosen.Count);
        var target = buffer.Payload;
        WriteHeader(target, LogRecordKind.Upsert, chosen.Count);
        var at = HeaderBytes;
        foreach (var i in chosen)
            at += WriteRow(target[at..], rows[i], expiries[i]);
        buffer.Seal();
        return buffer;
    }

    public static LogBuffer Delete(IReadOnlyCollection<VectorId> ids)
    {
        var bytes = HeaderBytes;
        foreach (var id in ids)
            bytes = checked(bytes + DeleteEntryBytes + Encoding.UTF8.GetByteCount(id.Text));

        var buffer = new LogBuffer(bytes, ids.Count);
        var target = buffer.Payload;
        WriteHeader(target, LogRecordKind.Delete, ids.Count);
        var at = HeaderBytes;
        foreach (var id in ids)
        {
            var idBytes = Encoding.UTF8.GetBytes(id.Text, target[(at + DeleteEntryBytes)..]);
            at += WriteDeleteHead(target[at..], idBytes, id.IsInteger);
        }

        buffer.Seal();
        return buffer;
    }

    /// <summary>Deletes rows of a table by their ids.</summary>
    public static LogBuffer Delete(RowTable table, List<int> rows)
    {
        long bytes = HeaderBytes;
        foreach (var row in rows)
            bytes += DeleteEntryBytes + table.Record(row).Id.Length;
        if (bytes > LogFormat.PayloadBytesMax)
        {
            throw new VectorInputException(
                VectorInputError.TooManyRows,
                $"the filter matches {rows.Count} rows, whose ids take {bytes} bytes; at most "
                + $"{LogFormat.PayloadBytesMax} can be deleted in one call");
        }

        var buffer = new LogBuffer((int)bytes, rows.Count);
        var target = buffer.Payload;
        WriteHeader(target, LogRecordKind.Delete, rows.Count);
        var at = HeaderBytes;
        foreach (var row in rows)
        {
            var record = table.Record(row);
            record.Id.CopyTo(target[(at + DeleteEntryBytes)..]);
            at += WriteDeleteHead(target[at..], record.Id.Length, record.IsInteger);
        }

        buffer.Seal();
        return buffer;
    }

    /// <summary>Says that so many records behind this one belong to a call of several shards, which counts only when
    /// its number was committed. Without records it is the commit itself.</summary>
    public static LogBuffer Part(long number, int records)
    {
        var buffer = new LogBuffer(PartBytes, records);
        WriteHeader(buffer.Payload, LogRecordKind.Part, records);
        BinaryPrimitives.WriteInt64LittleEndian(buffer.Payload[HeaderBytes..], number);
        buffer.Seal();
        return buffer;
    }

    /// <summary>False when the record is no part's mark.</summary>
    public static bool TryReadPart(ReadOnlySpan<byte> payload, out long number, out int records)
    {
        (number, records) = (0, 0);
        if (payload.Length != PartBytes || BinaryPrimitives.ReadInt32LittleEndian(payload) != (int)LogRecordKind.Part)
            return false;

        records = BinaryPrimitives.ReadInt32LittleEndian(payload[sizeof(int)..]);
        number = BinaryPrimitives.ReadInt64LittleEndian(payload[HeaderBytes..]);
        return true;
    }

    public static LogRecordReader Read(ReadOnlyMemory<byte> payload, int dimensions) => new(payload.Span, dimensions);

    private static int WriteDeleteHead(Span<byte> target, int idBytes, bool isInteger)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)idBytes);
        target[2] = isInteger ? IntegerFlag : (byte)0;
        target[3] = 0;
        return DeleteEntryBytes + idBytes;
    }

    private static void WriteHeader(Span<byte> target, LogRecordKind kind, int count)
    {
        BinaryPrimitives.WriteInt32LittleEndian(target, (int)kind);
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], count);
    }

    private static int WriteRow(Span<byte> target, VectorRow row, long expiresAtTicks)
    {
        var at = UpsertEntryBytes;
        var idBytes = Encoding.UTF8.GetBytes(row.Id.Text, target[at..]);
        at += idBytes;
        row.MetadataJson.Span.CopyTo(target[at..]);
        at += row.MetadataJson.Length;
        MemoryMarshal.AsBytes(row.Vector.Span).CopyTo(target[at..]);
        at += row.Vector.Length * sizeof(float);
        BinaryPrimitives.WriteUInt16LittleEndian(target, (ushort)idBytes);
        target[2] = row.Id.IsInteger ? IntegerFlag : (byte)0;
        target[3] = 0;
        BinaryPrimitives.WriteInt32LittleEndian(target[4..], row.MetadataJson.Length);
        BinaryPrimitives.WriteInt64LittleEndian(target[8..], expiresAtTicks);
        return at;
    }

    /// <summary>Walks over the entries of one payload.</summary>
    internal ref struct LogRecordReader
    {
        private readonly ReadOnlySpan<byte> _payload;
        private readonly int _dimensions;
        private int _at = HeaderBytes;
        private int _left;

        public LogRecordReader(ReadOnlySpan<byte> payload, int dimensions)
        {
            _payload = payload;
            _dimensions = dimensions;
            Kind = (LogRecordKind)BinaryPrimitives.ReadInt32LittleEndian(payload);
            Count = _left = BinaryPrimitives.ReadInt32LittleEndian(payload[4..]);
        }

        public LogRecordKind Kind { get; }

        public int Count { get; }

        public bool TryNextRow(out RowFields fields, out ReadOnlySpan<byte> vector)
        {
            fields = default;
            vector = default;
            if (_left-- == 0)
                return false;

            var entry = _payload[_at..];
            var idBytes = BinaryPrimitives.ReadUInt16LittleEndian(entry);
            var metadataBytes = BinaryPrimitives.ReadInt32LittleEndian(entry[4..]);
            fields = new RowFields(
                entry.Slice(UpsertEntryBytes, idBytes),
                entry[2] == IntegerFlag,
                BinaryPrimitives.ReadInt64LittleEndian(entry[8..]),
                entry.Slice(UpsertEntryBytes + idBytes, metadataBytes));
            var vectorAt = UpsertEntryBytes + idBytes + metadataBytes;
            vector = entry.Slice(vectorAt, _dimensions * sizeof(float));
            _at += vectorAt + vector.Length;
            return true;
        }

        public bool TryNextId(out ReadOnlySpan<byte> id)
        {
            id = default;
            if (_left-- == 0)
                return false;

            var entry = _payload[_at..];
            var idBytes = BinaryPrimitives.ReadUInt16LittleEndian(entry);
            id = entry.Slice(DeleteEntryBytes, idBytes);
            _at += DeleteEntryBytes + idBytes;
            return true;
        }
    }
}
