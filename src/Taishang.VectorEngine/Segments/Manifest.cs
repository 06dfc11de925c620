using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>Sealed rows in one file.</summary>
internal sealed record SegmentEntry(string File, int Rows);

/// <summary>
/// The one file that says which others count. It is replaced in one step, so that a collection is always wholly in the
/// state before or after a seal, a compaction or a change of options.
/// </summary>
internal sealed record Manifest
{
    public const string FileName = "manifest";

    private const int BytesMax = 16 << 20;

    public required VectorCollectionOptions Options { get; init; }

    /// <summary>In order of rows.</summary>
    public required IReadOnlyList<SegmentEntry> Segments { get; init; }

    /// <summary>Bits of the sealed rows that were dead when the first log began; null when none was.</summary>
    public string? Tombstones { get; init; }

    /// <summary>The graph over the first sealed rows; null before the first build.</summary>
    public string? Graph { get; init; }

    /// <summary>Records from this log on are not in the segments.</summary>
    public required long FirstLog { get; init; }

    /// <summary>Number of the next file to be made.</summary>
    public required long NextFile { get; init; }

    public int SealedRows() => Segments.Sum(segment => segment.Rows);

    /// <summary>A long compaction that is under way; null when none is.</summary>
    public BegunCompaction? Begun { get; init; }

    /// <summary>Names of all files that the manifest needs, beside the logs.</summary>
    public IEnumerable<string> Files()
    {
        var names = Segments.Select(segment => segment.File);
        if (Tombstones is not null)
            names = names.Append(Tombstones);
        if (Begun is not null)
            names = names.Concat(Begun.Files());
        return Graph is null ? names : names.Append(Graph);
    }

    public void Save(IStorageDevice device, string folder) =>
        BlockFileJson.Save(device, Path.Combine(folder, FileName), FileKinds.Manifest, this);

    public static Manifest Load(IStorageDevice device, string folder)
    {
        using var reader = new BlockFileReader(device, Path.Combine(folder, FileName), FileKinds.Manifest);
        return BlockFileJson.Load<Manifest>(reader, "manifest", BytesMax);
    }
}
