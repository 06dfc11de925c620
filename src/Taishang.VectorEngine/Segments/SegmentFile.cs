using System.Runtime.InteropServices;
using System.Text;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Sealed rows on disk: dimensions and row count, all vectors one after another, then of each row its id, flags, expiry
/// and metadata. Never changed once written.
/// </summary>
internal static class SegmentFile
{
    private const int IdBytesMax = 4 * Limits.IdCharactersMax;
    private const byte IntegerFlag = 1;
    private const int RowsBetweenChecks = 4096;

    /// <summary>Writes the rows that <paramref name="rows"/> names, in its order.</summary>
    public static void Save(
        IStorageDevice device, string path, RowTable table, RowRange rows, CancellationToken cancellation)
    {
        using var writer = new BlockFileWriter(device, path, FileKinds.Segment);
        writer.Write(table.Dimensions);
        writer.Write(rows.Count);
        for (var row = rows.Start; row < rows.End; row++)
        {
            if (row % RowsBetweenChecks == 0)
                cancellation.ThrowIfCancellationRequested();

            writer.Write(MemoryMarshal.AsBytes(table.VectorSpan(row)));
        }

        Span<byte> id = stackalloc byte[IdBytesMax];
        for (var row = rows.Start; row < rows.End; row++)
        {
            ref readonly var info = ref table.Info(row);
            var idBytes = Encoding.UTF8.GetBytes(info.Id, id);
            writer.Write((ushort)idBytes);
            writer.Write(info.IsInteger ? IntegerFlag : (byte)0);
            writer.Write(info.Metadata.Length);
            writer.Write(info.ExpiresAtTicks);
            writer.Write(id[..idBytes]);
            writer.Write(info.Metadata.Span);
        }

        writer.Commit();
    }

    /// <summary>Appends the rows of a file to the table, all alive.</summary>
    /// <exception cref="CorruptDataException">The file is damaged; its rows exist nowhere else.</exception>
    public static void Load(
        IStorageDevice device, string path, RowTable table, int rows, CancellationToken cancellation)
    {
        using var reader = new BlockFileReader(device, path, FileKinds.Segment);
        var dimensions = reader.Read<int>();
        var count = reader.Read<int>();
        if (dimensions != table.Dimensions || count != rows)
            throw reader.Corrupt($"{count} rows of {dimensions} dimensions, expected {rows} of {table.Dimensions}");

        var first = table.Count;
        for (var i = 0; i < rows; i++)
        {
            if (i % RowsBetweenChecks == 0)
                cancellation.ThrowIfCancellationRequested();

            reader.Read(table.AppendVector());
        }

        Span<byte> id = stackalloc byte[IdBytesMax];
        for (var row = first; row < first + rows; row++)
        {
            var idBytes = reader.Read<ushort>();
            var flags = reader.Read<byte>();
            var metadataBytes = reader.Read<int>();
            var expiresAtTicks = reader.Read<long>();
            if (idBytes is 0 or > IdBytesMax || metadataBytes is < 0 or > Limits.MetadataBytesMax)
                throw reader.Corrupt($"row {row} has an id of {idBytes} and metadata of {metadataBytes} bytes");

            reader.Read(id[..idBytes]);
            var metadata = metadataBytes == 0 ? [] : new byte[metadataBytes];
            reader.Read(metadata);
            table.SetInfo(row, new RowInfo
            {
                Id = Encoding.UTF8.GetString(id[..idBytes]),
                IsInteger = flags == IntegerFlag,
                ExpiresAtTicks = expiresAtTicks,
                Metadata = metadata,
            });
        }
    }
}

/// <summary>Rows from <paramref name="Start"/> to before <paramref name="End"/>.</summary>
internal readonly record struct RowRange(int Start, int End)
{
    public int Count => End - Start;
}
