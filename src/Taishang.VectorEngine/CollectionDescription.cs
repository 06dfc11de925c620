namespace Taishang.VectorEngine;

/// <summary>The state of a collection at one moment.</summary>
public sealed record CollectionDescription
{
    public required VectorCollectionOptions Options { get; init; }

    /// <summary>Rows that a search can find: written, not deleted, not expired. Exact.</summary>
    public required long LiveRows { get; init; }

    /// <summary>Rows deleted, replaced or expired that still take room until a compaction.</summary>
    public required long DeadRows { get; init; }

    /// <summary>Live rows that the index covers; the others are scanned exactly.</summary>
    public required long IndexedRows { get; init; }

    public required long DiskBytes { get; init; }

    /// <summary>Bytes of vectors, links and ids that only memory holds, estimated.</summary>
    public required long MemoryBytes { get; init; }

    /// <summary>Bytes of sealed rows that are mapped from files: in memory as far as the system keeps them, which may
    /// drop them whenever others need the room.</summary>
    public required long MappedBytes { get; init; }

    /// <summary>When the next row will vanish by itself; null when none will. Until then a closed collection is what it
    /// was when it was described.</summary>
    public required DateTimeOffset? NextExpiry { get; init; }

    /// <summary>What answers searches now, and what it costs.</summary>
    public required IndexUse Index { get; init; }

    /// <summary>Things that recovery had to mend, such as an index file that was rebuilt; empty when all was
    /// well.</summary>
    public required IReadOnlyList<string> RecoveryNotes { get; init; }
}
