using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>What makes shards one collection.</summary>
internal sealed record ShardManifest
{
    public const string FileName = "shards";

    private const int BytesMax = 16 << 20;

    /// <summary>Of the collection as a whole; those that may change count here and not in the shards.</summary>
    public required VectorCollectionOptions Options { get; init; }

    /// <summary>Commits from this log on are not in <see cref="Last"/> and <see cref="Void"/>.</summary>
    public required long FirstLog { get; init; }

    /// <summary>Number of the last committed call.</summary>
    public long Last { get; init; }

    /// <summary>Numbers before it that were never committed.</summary>
    public IReadOnlyList<long> Void { get; init; } = [];

    public static string FolderOf(string folder, int shard) => Path.Combine(folder, NameOf(shard));

    public static string NameOf(int shard) => $"shard-{shard:D2}";

    public void Save(IStorageDevice device, string folder) =>
        BlockFileJson.Save(device, Path.Combine(folder, FileName), FileKinds.Shards, this);

    public static ShardManifest Load(IStorageDevice device, string folder)
    {
        using var reader = new BlockFileReader(device, Path.Combine(folder, FileName), FileKinds.Shards);
        return BlockFileJson.Load<ShardManifest>(reader, "manifest", BytesMax);
    }
}
