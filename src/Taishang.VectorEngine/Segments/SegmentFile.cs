using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Sealed rows on disk, never changed once written: the vectors one stride apart, under cosine the scales, the records
/// in pieces. Vectors, scales and long pieces stand at offsets congruent to their memory modulo the page size, so that
/// the file can be mapped where the rows are.
/// </summary>
internal static unsafe class SegmentFile
{
    private const int RowsBetweenChecks = 4096;

    /// <summary>Writes the rows chosen, in their order.</summary>
    public static void Save(
        IStorageDevice device, string path, RowTable table, SegmentRows rows, CancellationToken cancellation)
    {
        using var writer = new PieceFileWriter(device, path, FileKinds.Segment);
        writer.PadTo(SystemPages.Bytes, (int)((long)rows.FirstPlace * table.StrideBytes % SystemPages.Bytes));
        var layout = new Layout
        {
            Dimensions = table.Dimensions,
            StrideBytes = table.StrideBytes,
            Rows = rows.Count,
            VectorOffset = writer.Position,
        };
        for (var i = 0; i < rows.Count; i++)
        {
            Check(i, cancellation);
            writer.Write(new ReadOnlySpan<byte>(table.Vector(rows[i]), table.StrideBytes));
        }

        if (table.Metric == DistanceMetric.Cosine)
            writer.PadTo(SystemPages.Bytes, (int)((long)rows.FirstPlace * sizeof(float) % SystemPages.Bytes));
        layout.ScaleOffset = writer.Position;
        for (var i = 0; i < rows.Count && table.Metric == DistanceMetric.Cosine; i++)
        {
            var scale = table.Scale(rows[i]);
            writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<float>(in scale)));
        }

        var pieces = rows.IsRange
            ? WriteRuns(writer, table, rows, cancellation)
            : [WriteOnePiece(writer, table, rows, cancellation)];
        layout.Pieces = pieces.Count;
        writer.Commit([
            .. MemoryMarshal.AsBytes(new ReadOnlySpan<Layout>(in layout)),
            .. MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(pieces)),
        ]);
    }

    /// <summary>Appends the rows of a file to the table, all alive.</summary>
    /// <exception cref="CorruptDataException">The file is damaged; its rows exist nowhere else.</exception>
    public static void Load(
        IStorageDevice device, string path, RowTable table, int rows, CancellationToken cancellation)
    {
        using var file = new PieceFile(device, path, FileKinds.Segment);
        var layout = ReadLayout(file, table, rows, out var pieces);
        file.Verify(cancellation);
        var start = table.AppendSealed(rows);
        table.LoadVectors(file, layout.VectorOffset, start, rows);
        table.LoadScales(file, layout.ScaleOffset, start, rows);
        foreach (var piece in pieces)
        {
            cancellation.ThrowIfCancellationRequested();
            table.LoadRecords(file, piece, start);
            start += piece.Rows;
        }
    }

    /// <summary>Gives up the memory of rows that this file holds too.</summary>
    public static void Map(IStorageDevice device, string path, RowTable table, SegmentRows range)
    {
        using var file = new PieceFile(device, path, FileKinds.Segment);
        var layout = ReadLayout(file, table, range.Count, out var pieces);
        table.ReplaceVectors(file, layout.VectorOffset, range.FirstPlace, range.Count);
        table.ReplaceScales(file, layout.ScaleOffset, range.FirstPlace, range.Count);
        var start = range.FirstPlace;
        foreach (var piece in pieces)
        {
            table.ReplaceRecords(file, piece, start);
            start += piece.Rows;
        }
    }

    /// <summary>One piece for each stretch of memory, so that each can be mapped over it.</summary>
    private static List<RecordPiece> WriteRuns(
        PieceFileWriter writer, RowTable table, SegmentRows rows, CancellationToken cancellation)
    {
        var pieces = new List<RecordPiece>();
        var end = rows.FirstPlace + rows.Count;
        for (var row = rows.FirstPlace; row < end;)
        {
            cancellation.ThrowIfCancellationRequested();
            var (bytes, count) = table.RecordRun(row, end);
            var start = table.Record(row).Start;
            if (bytes >= FilePages.MappedBytesMin)
                writer.PadTo(SystemPages.Bytes, (int)((nint)start % SystemPages.Bytes));
            pieces.Add(new RecordPiece(writer.Position, bytes, count));
            for (long at = 0; at < bytes; at += PieceFileFormat.PieceBytes)
            {
                var take = (int)Math.Min(PieceFileFormat.PieceBytes, bytes - at);
                writer.Write(new ReadOnlySpan<byte>(start + at, take));
            }

            row += count;
        }

        return pieces;
    }

    private static RecordPiece WriteOnePiece(
        PieceFileWriter writer, RowTable table, SegmentRows rows, CancellationToken cancellation)
    {
        writer.PadTo(SystemPages.Bytes, 0);
        var offset = writer.Position;
        for (var i = 0; i < rows.Count; i++)
        {
            Check(i, cancellation);
            var record = table.Record(rows[i]);
            writer.Write(new ReadOnlySpan<byte>(record.Start, record.Bytes));
        }

        return new RecordPiece(offset, writer.Position - offset, rows.Count);
    }

    private static void Check(int i, CancellationToken cancellation)
    {
        if (i % RowsBetweenChecks == 0)
            cancellation.ThrowIfCancellationRequested();
    }

    private static Layout ReadLayout(PieceFile file, RowTable table, int rows, out RecordPiece[] pieces)
    {
        var directory = file.Directory;
        if (directory.Length < sizeof(Layout))
            throw file.Corrupt(file.End, $"a directory of {directory.Length} bytes");

        var layout = MemoryMarshal.Read<Layout>(directory);
        if (layout.Dimensions != table.Dimensions || layout.StrideBytes != table.StrideBytes || layout.Rows != rows)
        {
            throw file.Corrupt(
                file.End,
                $"{layout.Rows} rows of {layout.Dimensions} dimensions, {layout.StrideBytes} bytes apart; expected "
                + $"{rows} of {table.Dimensions}, {table.StrideBytes} bytes apart");
        }

        pieces = MemoryMarshal.Cast<byte, RecordPiece>(directory[sizeof(Layout)..]).ToArray();
        var scaleBytes = table.Metric == DistanceMetric.Cosine ? (long)rows * sizeof(float) : 0;
        var fits = IsInside(file, layout.VectorOffset, (long)rows * layout.StrideBytes)
            && IsInside(file, layout.ScaleOffset, scaleBytes)
            && layout.Pieces == pieces.Length
            && pieces.All(piece => piece.Rows > 0 && IsInside(file, piece.Offset, piece.Bytes))
            && pieces.Sum(piece => (long)piece.Rows) == rows;
        return fits ? layout : throw file.Corrupt(file.End, "parts of the directory lie outside of the file");
    }

    private static bool IsInside(PieceFile file, long offset, long bytes) =>
        offset >= FileHeader.Bytes && bytes >= 0 && offset <= file.End && bytes <= file.End - offset;

    /// <summary>The fixed part of the directory; the pieces follow it.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = sizeof(int))]
    private struct Layout
    {
        public int Dimensions;
        public int StrideBytes;
        public int Rows;
        public int Pieces;
        public long VectorOffset;
        public long ScaleOffset;
    }
}
