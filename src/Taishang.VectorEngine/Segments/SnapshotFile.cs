using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>One file of a snapshot.</summary>
/// <param name="Name">Without a path.</param>
/// <param name="Bytes">Its length.</param>
/// <param name="Hash">XXH128 of its content, hexadecimal.</param>
internal sealed record SnapshotEntry(string Name, long Bytes, string Hash);

/// <summary>The file that makes a folder a snapshot: what belongs to it and what each file must be.</summary>
internal sealed record SnapshotFile
{
    public const string FileName = "snapshot";

    private const int BytesMax = 64 << 20;

    public required VectorCollectionOptions Options { get; init; }

    public required long LiveRows { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string Note { get; init; }

    public required IReadOnlyList<SnapshotEntry> Entries { get; init; }

    public CollectionSnapshot Describe() => new()
    {
        Options = Options,
        LiveRows = LiveRows,
        CreatedAt = CreatedAt,
        Bytes = Entries.Sum(entry => entry.Bytes),
        FileCount = Entries.Count,
        Note = Note,
    };

    public void Save(IStorageDevice device, string folder) =>
        BlockFileJson.Save(device, Path.Combine(folder, FileName), FileKinds.Snapshot, this);

    /// <exception cref="CorruptDataException">It is damaged, of another version, or names what is no file of a
    /// collection.</exception>
    public static SnapshotFile Load(IStorageDevice device, string folder)
    {
        using var reader = new BlockFileReader(device, Path.Combine(folder, FileName), FileKinds.Snapshot);
        var snapshot = BlockFileJson.Load<SnapshotFile>(reader, "snapshot's list", BytesMax);
        foreach (var entry in snapshot.Entries)
        {
            if (!IsName(entry.Name) || entry.Bytes < 0)
                throw reader.Corrupt($"'{entry.Name}' of {entry.Bytes} bytes is no file of a collection");
        }

        return snapshot;
    }

    /// <summary>Folders that files lie in, beside the snapshot's own; with a slash.</summary>
    public IEnumerable<string> Folders() => Entries.Where(entry => entry.Name.Contains('/', StringComparison.Ordinal))
        .Select(entry => entry.Name[..(entry.Name.IndexOf('/', StringComparison.Ordinal) + 1)])
        .Distinct(StringComparer.Ordinal);

    /// <summary>A list that came from elsewhere must not lead out of its folder: a file, or one in a folder below.
    /// </summary>
    private static bool IsName(string name)
    {
        var parts = name.Split('/');
        return parts.Length <= 2 && name != FileName && parts.All(part => part.Length > 0
            && part.All(character => char.IsAsciiLetterOrDigit(character) || character == '-'));
    }
}
