using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>
/// Lists on disk: their number, the rows they were made of, the grid; the middles; of each list its rows; then, of
/// lists of codes, the entries in the same order. Floats are not written a second time: they are taken from the rows.
/// The file belongs to the rows that the manifest names beside it; it can always be made again from them.
/// </summary>
internal static unsafe class IvfFile
{
    private const int EntriesBetweenChecks = 4096;

    public static void Save(IStorageDevice device, string path, IvfIndex index, CancellationToken cancellation)
    {
        using var writer = new BlockFileWriter(device, path, FileKinds.Lists);
        var lists = index.Lists;
        writer.Write(lists?.Count ?? 0);
        if (lists is not null)
        {
            CodeGridFile.Write(writer, lists.Entries.Grid);
            for (var list = 0; list < lists.Count; list++)
                writer.Write(MemoryMarshal.AsBytes(lists.Centroids.Span(list)));
            for (var list = 0; list < lists.Count; list++)
                WriteRows(writer, lists, list);
            if (lists.Entries.Grid is not null)
                WriteEntries(writer, lists, cancellation);
        }

        writer.Commit();
    }

    /// <summary>Reads lists over the first rows of a table into an index that has none.</summary>
    /// <param name="file">The file.</param>
    /// <param name="index">Takes the lists.</param>
    /// <param name="table">The rows.</param>
    /// <param name="rows">Rows that lists may hold.</param>
    /// <exception cref="CorruptDataException">The file is damaged or does not fit; rebuild the lists.</exception>
    public static void Load(IndexFile file, IvfIndex index, RowTable table, int rows)
    {
        using var reader = new BlockFileReader(file.Device, file.Path, FileKinds.Lists);
        var count = reader.Read<int>();
        if (count < 0 || count > rows)
            throw reader.Corrupt($"{count} lists do not fit {rows} rows");
        if (count == 0)
            return;

        var grid = CodeGridFile.Read(reader, table.Metric, table.Dimensions);
        if ((long)count * table.StrideBytes > reader.Remaining)
            throw reader.Corrupt($"the middles of {count} lists do not fit the file");

        var centroids = new IvfCentroids(table, count);
        IvfLists? lists = null;
        try
        {
            for (var list = 0; list < count; list++)
                reader.Read(MemoryMarshal.AsBytes(centroids.Span(list)));

            var members = ReadRows(reader, count, rows, out var covered);
            var sizes = Array.ConvertAll(members, list => list.Length);
            lists = new IvfLists(centroids, new IvfEntries(table, grid), sizes);
            ReadEntries(reader, lists, members);
            index.Adopt(lists, covered);
        }
        catch
        {
            if (lists is null)
                centroids.Dispose();
            else
                lists.Dispose();
            throw;
        }
    }

    private static void WriteRows(BlockFileWriter writer, IvfLists lists, int list)
    {
        var runs = Runs(lists, list);
        writer.Write(runs.Sum(run => run.Count));
        foreach (var run in runs)
            writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(run.Rows, run.Count)));
    }

    private static void WriteEntries(BlockFileWriter writer, IvfLists lists, CancellationToken cancellation)
    {
        var written = 0;
        for (var list = 0; list < lists.Count; list++)
        {
            foreach (var run in Runs(lists, list))
            {
                for (var i = 0; i < run.Count; i++)
                {
                    if (written++ % EntriesBetweenChecks == 0)
                        cancellation.ThrowIfCancellationRequested();

                    var entry = run.Entries + (nint)i * lists.Entries.Bytes;
                    writer.Write(new ReadOnlySpan<byte>(entry, lists.Entries.Bytes));
                }
            }
        }
    }

    private static List<IvfRun> Runs(IvfLists lists, int list)
    {
        var runs = new List<IvfRun> { lists.Base(list) };
        for (var chunk = lists.Tails.First(list); chunk >= 0; chunk = lists.Tails.Next(chunk))
            runs.Add(lists.Tails.Run(chunk));
        return runs;
    }

    /// <summary>The rows of each list; together they are the first ones of the table, each once.</summary>
    private static int[][] ReadRows(BlockFileReader reader, int count, int rows, out int covered)
    {
        var members = new int[count][];
        var seen = new RowBitmap(rows);
        covered = 0;
        for (var list = 0; list < count; list++)
        {
            var size = reader.Read<int>();
            if ((uint)size > (uint)(rows - covered))
                throw reader.Corrupt($"list {list} has {size} rows, {rows - covered} are left");

            members[list] = new int[size];
            reader.Read(MemoryMarshal.AsBytes(members[list].AsSpan()));
            foreach (var row in members[list])
            {
                if ((uint)row >= (uint)rows || seen.Contains(row))
                    throw reader.Corrupt($"list {list} holds row {row}, which is none or was met before");

                seen.Add(row);
            }

            covered += size;
        }

        for (var row = 0; row < covered; row++)
        {
            if (!seen.Contains(row))
                throw reader.Corrupt($"no list holds row {row}");
        }

        return members;
    }

    private static void ReadEntries(BlockFileReader reader, IvfLists lists, int[][] members)
    {
        for (var list = 0; list < members.Length; list++)
        {
            members[list].CopyTo(lists.BaseRows(list));
            var run = lists.Base(list);
            for (var i = 0; i < run.Count; i++)
            {
                var entry = run.Entries + (nint)i * lists.Entries.Bytes;
                if (lists.Entries.Grid is null)
                    lists.Entries.Put(run.Rows[i], entry);
                else
                    reader.Read(new Span<byte>(entry, lists.Entries.Bytes));
            }
        }
    }
}
