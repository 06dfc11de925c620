using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>Records of rows that lie behind each other, in memory and in a segment file.</summary>
/// <param name="Offset">In the file.</param>
/// <param name="Bytes">Of all of them.</param>
/// <param name="Rows">How many.</param>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(int))]
internal readonly record struct RecordPiece(long Offset, long Bytes, int Rows);

/// <summary>
/// Rows and their segment files: bringing them in without a copy, and giving up memory that a file holds as well. Files
/// lay rows out as the table does, so that whole pages of both are the same.
/// </summary>
internal sealed unsafe partial class RowTable
{
    /// <summary>Adds living rows whose vectors, scales and records must be loaded before they are published; returns
    /// the first.</summary>
    public int AppendSealed(int rows)
    {
        var start = Count;
        EnsureRows(start + rows);
        for (var row = start; row < start + rows; row++)
            Begin(row, Alive);
        Count = start + rows;
        return start;
    }

    /// <summary>Brings in vectors that lie in the file at an offset, one stride apart.</summary>
    public void LoadVectors(PieceFile file, long offset, int start, int rows) =>
        NoteVectors(start, rows, ForEachRun(_vectors, start, rows, (address, at, bytes) =>
            FilePages.Load(file, (byte*)address, offset + at, bytes)));

    /// <summary>Gives up the memory of vectors that the file holds too.</summary>
    public void ReplaceVectors(PieceFile file, long offset, int start, int rows) =>
        NoteVectors(start, rows, ForEachRun(_vectors, start, rows, (address, at, bytes) =>
            FilePages.Replace(file, (byte*)address, offset + at, bytes)));

    /// <summary>Brings in the scales, of tables that have them.</summary>
    public void LoadScales(PieceFile file, long offset, int start, int rows) =>
        NoteScales(offset, start, rows, (address, at, bytes) =>
            FilePages.Load(file, address, at, bytes, FilePages.SmallMappedBytesMin));

    /// <summary>Gives up the memory of scales that the file holds too. Searches over codes never read them.</summary>
    public void ReplaceScales(PieceFile file, long offset, int start, int rows) =>
        NoteScales(offset, start, rows, (address, at, bytes) =>
            FilePages.Replace(file, address, at, bytes, FilePages.SmallMappedBytesMin));

    /// <summary>Brings in records and finds where each begins.</summary>
    /// <exception cref="CorruptDataException">They do not fill the piece exactly.</exception>
    public void LoadRecords(PieceFile file, RecordPiece piece, int start)
    {
        var address = _heap.TakeBlock(piece.Bytes, piece.Offset);
        var mapped = FilePages.Load(file, address, piece.Offset, piece.Bytes);
        _heap.Mapped.Note(start, start + piece.Rows, mapped);
        long at = 0;
        for (var row = start; row < start + piece.Rows; row++)
        {
            if (!RowRecord.IsSound(address + at, piece.Bytes - at))
                throw file.Corrupt(piece.Offset + at, $"the record of row {row} makes no sense");

            _records.Set(row, address + at);
            at += Record(row).Bytes;
        }

        if (at != piece.Bytes)
            throw file.Corrupt(piece.Offset + at, $"{piece.Bytes - at} bytes follow the last record");
    }

    /// <summary>Gives up the memory of records that the file holds too.</summary>
    public void ReplaceRecords(PieceFile file, RecordPiece piece, int start)
    {
        var mapped = FilePages.Replace(file, Record(start).Start, piece.Offset, piece.Bytes);
        _heap.Mapped.Note(start, start + piece.Rows, mapped);
    }

    /// <summary>Records from this row on that lie behind each other in memory.</summary>
    /// <returns>Their bytes and number.</returns>
    public (long Bytes, int Rows) RecordRun(int row, int end)
    {
        var start = Record(row).Start;
        long bytes = 0;
        var at = row;
        for (; at < end && Record(at).Start == start + bytes; at++)
            bytes += Record(at).Bytes;
        return (bytes, at - row);
    }

    private void NoteScales(long offset, int start, int rows, PagesOf visit)
    {
        if (_scales is null)
            return;

        var mapped = ForEachRun(_scales, start, rows, (address, at, bytes) =>
            visit((byte*)address, offset + at, bytes));
        _scales.Mapped.Note(start, start + rows, mapped);
    }

    private delegate long PagesOf(byte* address, long offset, long bytes);

    private void NoteVectors(int start, int rows, long mapped) => _vectors.Mapped.Note(start, start + rows, mapped);

    /// <summary>Calls for each stretch of rows that lie behind each other: address, bytes before it, its bytes; returns
    /// the sum of the answers.</summary>
    private static long ForEachRun(ChunkedRows table, int start, int rows, Func<nint, long, long, long> visit)
    {
        long sum = 0;
        for (var done = 0; done < rows;)
        {
            var run = table.Contiguous(start + done, rows - done);
            sum += visit(
                (nint)table.Row(start + done), (long)done * table.StrideBytes, (long)run * table.StrideBytes);
            done += run;
        }

        return sum;
    }
}
