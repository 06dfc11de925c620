using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// How much memory loads and builds will take, estimated before they begin from counts and file lengths alone. Pages of
/// segment files that can be mapped do not count: the system drops them when it needs the room.
/// </summary>
internal static class MemoryNeeds
{
    /// <summary>Beside a row's vector and record: when it died, where its record is, its scale, its slot among the ids,
    /// which are up to half as many again as are taken at the fullest, and the smaller table while they grow.</summary>
    private const int RowBytes = sizeof(long) + sizeof(int) + sizeof(float) + 3 * sizeof(long);

    /// <summary>Of a build, for each row beside its node: marks of visited nodes, the look for nodes cut off.</summary>
    private const int BuildRowBytes = 2 * sizeof(int);

    /// <summary>A row's number in its list, and slack of lists that grow.</summary>
    private const int ListEntryBytes = 3 * sizeof(int);

    /// <summary>Lists that an inverted file makes by itself, times the root of its rows.</summary>
    private const int ListsPerRoot = 4;

    /// <summary>Whatever is opened takes so much: first chunks, tables, buffers.</summary>
    private const int BaseBytes = 256 << 10;

    /// <summary>Reads the lengths of the files that a manifest names.</summary>
    /// <param name="device">A file that is missing counts nothing: opening says so.</param>
    /// <param name="folder">Of the collection.</param>
    /// <param name="manifest">Of the collection.</param>
    public static long ToOpen(IStorageDevice device, string folder, Manifest manifest)
    {
        var bytes = BaseBytes + (long)manifest.SealedRows() * RowBytes;
        var segments = manifest.Segments.Select(segment => segment.File).ToHashSet(StringComparer.Ordinal);
        foreach (var name in manifest.Files())
        {
            if (!segments.Contains(name) || !SystemPages.CanMap)
                bytes += LengthOf(device, Path.Combine(folder, name));
        }

        // Lists of floats are filled from the rows: their file does not hold them.
        var options = manifest.Options;
        if (options.Index == IndexKind.IvfFlat && CodeBytes(options.Index, options) is null
            && manifest.Graph is not null)
            bytes += IndexBytes(options.Index, options, manifest.SealedRows());

        foreach (var name in device.List(folder))
        {
            if (Log.LogFiles.TryParse(name, out var number) && number >= manifest.FirstLog)
                bytes += LengthOf(device, Path.Combine(folder, name));
        }

        return bytes;
    }

    /// <summary>Bringing rows that it does not cover under the index.</summary>
    public static long ToCover(Snapshot snapshot, VectorCollectionOptions options, IndexKind kind)
    {
        var uncovered = snapshot.Rows - Math.Min(snapshot.Rows, snapshot.Generation.Index?.Covered ?? 0);
        return uncovered == 0 ? 0 : IndexBytes(kind, options, uncovered) + (long)snapshot.Rows * BuildRowBytes;
    }

    /// <summary>A generation of the living rows beside the present one, with an index or without.</summary>
    public static long ToCompact(Snapshot snapshot, VectorCollectionOptions options, IndexKind? kind)
    {
        long row = RowBytes;
        if (!SystemPages.CanMap && snapshot.Rows > 0)
            row += snapshot.Generation.Rows.MemoryBytes / snapshot.Rows;
        if (kind is { } built)
            return BaseBytes + snapshot.Live * (row + BuildRowBytes) + IndexBytes(built, options, snapshot.Live);

        return BaseBytes + snapshot.Live * row;
    }

    /// <summary>What an index of so many rows takes.</summary>
    public static long IndexBytes(IndexKind kind, VectorCollectionOptions options, long rows)
    {
        if (kind == IndexKind.Flat && options.Compression == CompressionKind.None)
            return 0;

        var code = CodeBytes(kind, options);
        var codes = CodeOptions.Of(options, kind);
        var halves = codes.KeepsHalves ? rows * HalfRows.BytesOfRow(options.Dimensions) : 0;
        if (kind == IndexKind.Hnsw)
        {
            var remainders = codes.KeepsRemainders
                ? HnswMemory.BytesOfRemainders(options.Dimensions)
                : 0;
            var node = HnswMemory.BytesOfNode(
                options.Metric, code ?? options.Dimensions, options.Hnsw.Connectivity, rows);
            return halves + rows * (node + remainders);
        }

        var entry = code is { } bytes ? HnswMemory.BytesOfCode(bytes) : RowTable.StrideOf(options.Dimensions);
        return halves + rows * (entry + ListEntryBytes) + (kind == IndexKind.Flat ? 0 : Middles(options, rows));
    }

    /// <summary>Middles of lists as floats, and their sums in doubles while they are trained.</summary>
    private static long Middles(VectorCollectionOptions options, long rows)
    {
        var lists = options.Ivf.Lists > 0 ? options.Ivf.Lists : (long)(ListsPerRoot * Math.Sqrt(rows));
        return Math.Min(lists, rows) * options.Dimensions * (sizeof(float) + sizeof(double));
    }

    private static int? CodeBytes(IndexKind kind, VectorCollectionOptions options) =>
        CodeOptions.Of(options, kind).Form is { } form ? CodeLayout.CodeBytes(form, options.Dimensions) : null;

    private static long LengthOf(IStorageDevice device, string path)
    {
        if (!device.Exists(path))
            return 0;

        using var file = device.Open(path, writable: false);
        return file.Length;
    }
}
