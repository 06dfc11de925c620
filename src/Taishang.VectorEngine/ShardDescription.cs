namespace Taishang.VectorEngine;

/// <summary>The shards' descriptions as that of one collection.</summary>
internal static class ShardDescription
{
    public static CollectionDescription Merge(
        VectorCollectionOptions options, CollectionDescription[] shards, IReadOnlyList<string> notes) => new()
        {
            Options = options,
            LiveRows = shards.Sum(shard => shard.LiveRows),
            DeadRows = shards.Sum(shard => shard.DeadRows),
            IndexedRows = shards.Sum(shard => shard.IndexedRows),
            DiskBytes = shards.Sum(shard => shard.DiskBytes),
            MemoryBytes = shards.Sum(shard => shard.MemoryBytes),
            MappedBytes = shards.Sum(shard => shard.MappedBytes),
            NextExpiry = shards.Min(shard => shard.NextExpiry),
            Index = Merge(Array.ConvertAll(shards, shard => shard.Index)),
            RecoveryNotes =
            [
                .. notes,
                .. shards.SelectMany((shard, number) => shard.RecoveryNotes.Select(note => $"shard {number}: {note}")),
            ],
        };

    private static IndexUse Merge(IndexUse[] shards) => new()
    {
        Kind = shards[0].Kind,
        Reason = shards[0].Reason,
        Compression = shards[0].Compression,
        Rerank = shards[0].Rerank,
        BytesPerVector = (long)shards.Average(shard => shard.BytesPerVector),
        CodeBytes = shards.Sum(shard => shard.CodeBytes),
        LinkBytes = shards.Sum(shard => shard.LinkBytes),
        FloatBytes = shards.Sum(shard => shard.FloatBytes),
        FloatMappedBytes = shards.Sum(shard => shard.FloatMappedBytes),
        FloatDiskBytes = shards.Sum(shard => shard.FloatDiskBytes),
        IndexDiskBytes = shards.Sum(shard => shard.IndexDiskBytes),
    };
}
