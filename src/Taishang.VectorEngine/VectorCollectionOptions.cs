using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine;

/// <summary>What a collection is made with. Dimensions, metric and index kind never change afterwards.</summary>
public sealed record VectorCollectionOptions
{
    /// <summary>Components of every vector, 1–32768.</summary>
    public required int Dimensions { get; init; }

    public DistanceMetric Metric { get; init; } = DistanceMetric.Cosine;

    public IndexKind Index { get; init; } = IndexKind.Hnsw;

    public HnswOptions Hnsw { get; init; } = new();

    public IvfOptions Ivf { get; init; } = new();

    /// <summary>Parts that the rows are split into by the hash of their ids, 1–64; searched side by side and merged.
    /// Fixed at creation.</summary>
    public int Shards { get; init; } = 1;

    /// <summary>What searches keep in memory of a vector. Never changes afterwards.</summary>
    public CompressionKind Compression { get; init; }

    /// <summary>With a compression: what puts the nearest by codes in order.</summary>
    public RerankKind Rerank { get; init; }

    /// <summary>
    /// Whether distances come from floats alone, so that equal rows of two collections have equal ones to the last bit,
    /// as those of shards must. Otherwise a graph without compression keeps 23 bits of a component in memory, whose
    /// distances are as exact as sums of float32 are, and leaves its floats on disk.
    /// </summary>
    public bool OrderByFloats { get; init; }

    /// <summary>Rows that bring no expiry of their own live this long; null for ever.</summary>
    public TimeSpan? TimeToLive { get; init; }
}

/// <summary>Parameters of the graph index.</summary>
public sealed record HnswOptions
{
    /// <summary>Links of a node on the upper layers; twice as many at the bottom (M in the paper). 4–64.</summary>
    public int Connectivity { get; init; } = 16;

    /// <summary>Candidates kept while a node is linked (efConstruction in the paper). 8–2000.</summary>
    public int EfConstruction { get; init; } = 200;

    /// <summary>Candidates kept while searching when the request names none (ef in the paper). 1–16384.</summary>
    public int EfSearch { get; init; } = 64;
}

/// <summary>Parameters of the lists of an IVF index.</summary>
public sealed record IvfOptions
{
    /// <summary>Lists (nlist), 1–65536; 0, the default, for four times the root of the rows. Never so many that a list
    /// has fewer than 8 rows on average.</summary>
    public int Lists { get; init; }

    /// <summary>Lists looked through when the request names none (nprobe), 1–65536; 0, the default, for twice the root
    /// of the number of lists, at least 8.</summary>
    public int Probes { get; init; }
}

/// <summary>What the engine may use, shared by the collections of one process.</summary>
public sealed record VectorEngineOptions
{
    /// <summary>The clock that decides expiry.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Rows of the mutable segment after which it is sealed into a segment file.</summary>
    public int SealAfterRows { get; init; } = 50_000;

    /// <summary>Rows added to a graph after which a build that goes on for longer saves it.</summary>
    public int SaveGraphAfterRows { get; init; } = 200_000;

    /// <summary>Threads of an index build.</summary>
    public int BuildThreads { get; init; } = Environment.ProcessorCount;

    /// <summary>
    /// Bytes that a scan may read before a collection of kind <see cref="IndexKind.Auto"/> gets a graph: 8 MiB are read
    /// in about a millisecond, and up to there a graph is not worth its build.
    /// </summary>
    public long AutoScanBytesMax { get; init; } = 8L << 20;

    /// <summary>How long maintenance waits after it failed, on a full disk say, before it is tried again; each further
    /// failure doubles it. Builds that are asked for wait for nothing.</summary>
    public TimeSpan MaintenancePause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What that pause never passes.</summary>
    public TimeSpan MaintenancePauseMax { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What loads and builds may take; they are refused before they begin when it would not do.</summary>
    public MemoryBudget Memory { get; init; } = MemoryBudget.OfProcess;

    /// <summary>Who searches the shards of a collection beside the caller.</summary>
    public SearchThreads SearchThreads { get; init; } = SearchThreads.OfProcess;

    /// <summary>Scrolls of one collection that wait for their next page. When one more begins, the one that was used
    /// longest ago has expired.</summary>
    public int ScrollsMax { get; init; } = 256;

    /// <summary>How long a scroll waits for its next page before it has expired. Until then it keeps the rows that it
    /// sees in memory, deleted ones too.</summary>
    public TimeSpan ScrollIdle { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>fsync before an upsert or delete is acknowledged. Only tests and benchmarks turn it off.</summary>
    public bool SyncBeforeAcknowledge { get; init; } = true;
}
