using Microsoft.Extensions.Options;

namespace Taishang.Ai.Indexes;

/// <summary>Settings of the collections of one worker; the section `Taishang:Ai:Indexes`. Validated at start.</summary>
internal sealed class IndexOptions
{
    public const string Section = "Taishang:Ai:Indexes";

    private readonly HashSet<Guid> _pinned = [];

    /// <summary>Collections that one worker holds, 1–100,000. Default 10,000.</summary>
    public int CollectionsMax { get; set; } = 10_000;

    /// <summary>Collections read from disk at once at start, 1–64. Default 2: reading is bound by the disk.</summary>
    public int OpenParallelism { get; set; } = 2;

    /// <summary>Milliseconds that a call waits for a collection that is still being read, 0–60,000. Default 5,000;
    /// after that the caller is told to come again.</summary>
    public int OpenWaitMs { get; set; } = 5_000;

    /// <summary>Searches and filtered scans that run at once, 1–1,024. Default one each processor: they are bound by
    /// it, and more at once make all of them slower.</summary>
    public int SearchesMax { get; set; } = Environment.ProcessorCount;

    /// <summary>Searches that may wait for their turn, 0–100,000; more are refused as overload. Default 512.</summary>
    public int SearchQueueMax { get; set; } = 512;

    /// <summary>Upserts and deletes that run at once, 1–256. Default 16: enough to share one fsync.</summary>
    public int WritesMax { get; set; } = 16;

    /// <summary>Writes that may wait, 0–10,000. Default 256.</summary>
    public int WriteQueueMax { get; set; } = 256;

    /// <summary>Index builds that run at once, 1–16. Default 1: one build uses every processor already.</summary>
    public int BuildsMax { get; set; } = 1;

    /// <summary>Builds that may wait, 0–10,000. Default 64.</summary>
    public int BuildQueueMax { get; set; } = 64;

    /// <summary>Snapshots and restores that run at once, 1–16. Default 2: they are bound by the disk.</summary>
    public int SnapshotsMax { get; set; } = 2;

    /// <summary>Snapshots and restores that may wait, 0–10,000. Default 64.</summary>
    public int SnapshotQueueMax { get; set; } = 64;

    /// <summary>Where snapshots lie, a folder of this worker alone; empty, the default, for `snapshots` below the data
    /// folder. On another disk files are copied instead of linked.</summary>
    public string SnapshotFolder { get; set; } = "";

    /// <summary>Snapshots of one collection, 1–10,000; more are refused until one is deleted. Default 32.</summary>
    public int SnapshotsPerCollectionMax { get; set; } = 32;

    /// <summary>Share of approximate searches that are repeated exactly in the background, to measure recall: 0–1,
    /// default 0.001; 0 for none.</summary>
    public double RecallShare { get; set; } = 0.001;

    /// <summary>Chooses which searches these are; any number. Default 1.</summary>
    public int RecallSeed { get; set; } = 1;

    /// <summary>Searches that may wait to be repeated, 1–10,000; more are dropped and counted. Default 16.</summary>
    public int RecallQueueMax { get; set; } = 16;

    /// <summary>Rows of a collection up to which searches are repeated, 1–1,000,000,000: an exact search reads all of
    /// them. Default 2,000,000.</summary>
    public int RecallRowsMax { get; set; } = 2_000_000;

    /// <summary>Threads of one build, 1–256; 0, the default, for one each processor.</summary>
    public int BuildThreads { get; set; }

    /// <summary>Bytes that the process may use before loads, builds and upserts are refused; 0, the default, takes
    /// 95 % of the container's or machine's memory.</summary>
    public long MemoryBytesMax { get; set; }

    /// <summary>Seconds after the last call until a collection gives its memory back and stands on disk alone; the next
    /// call loads it again. 0 for never, else up to 31,536,000 (a year). Default 3,600. Pinned ones stay.</summary>
    public int ColdAfterSeconds { get; set; } = 3_600;

    /// <summary>Bytes that open collections may keep in memory together, mapped pages of files left out; those used
    /// longest ago are released above it. 0, the default, for as much as the process may use.</summary>
    public long HotBytesMax { get; set; }

    /// <summary>Ids of collections that are pinned as long as nobody says otherwise of them, up to 10,000: they are
    /// read first at a start and stay in memory. Here the budget is not asked.</summary>
    public string[] Pinned { get; set; } = [];

    /// <summary>How often idle collections are looked for, in seconds: 1–3,600, default 10.</summary>
    public int TierSweepSeconds { get; set; } = 10;

    /// <summary>Seconds for which the gauges of rows and bytes may be stale, 1–3,600. Default 5.</summary>
    public int GaugeAgeSeconds { get; set; } = 5;

    /// <summary>Collections with gauges of their own, the largest first, 1–1,000; the rest is summed as "other".
    /// Default 100: each is five time series.</summary>
    public int GaugeCollectionsMax { get; set; } = 100;

    /// <summary>After <see cref="Validate"/>.</summary>
    public bool IsPinned(Guid id) => _pinned.Contains(id);

    /// <exception cref="OptionsValidationException">The message names the setting, its range and what came.</exception>
    public void Validate()
    {
        InRange(CollectionsMax, 1, 100_000, nameof(CollectionsMax));
        InRange(OpenParallelism, 1, 64, nameof(OpenParallelism));
        InRange(OpenWaitMs, 0, 60_000, nameof(OpenWaitMs));
        InRange(SearchesMax, 1, 1_024, nameof(SearchesMax));
        InRange(SearchQueueMax, 0, 100_000, nameof(SearchQueueMax));
        InRange(WritesMax, 1, 256, nameof(WritesMax));
        InRange(WriteQueueMax, 0, 10_000, nameof(WriteQueueMax));
        InRange(BuildsMax, 1, 16, nameof(BuildsMax));
        InRange(BuildQueueMax, 0, 10_000, nameof(BuildQueueMax));
        InRange(SnapshotsMax, 1, 16, nameof(SnapshotsMax));
        InRange(SnapshotQueueMax, 0, 10_000, nameof(SnapshotQueueMax));
        InRange(SnapshotsPerCollectionMax, 1, 10_000, nameof(SnapshotsPerCollectionMax));
        if (!(RecallShare >= 0 && RecallShare <= 1))
            throw Invalid($"{nameof(RecallShare)}: expected 0 to 1, got {RecallShare}");
        InRange(RecallQueueMax, 1, 10_000, nameof(RecallQueueMax));
        InRange(RecallRowsMax, 1, 1_000_000_000, nameof(RecallRowsMax));
        InRange(BuildThreads, 0, 256, nameof(BuildThreads));
        InRange(MemoryBytesMax, 0, long.MaxValue, nameof(MemoryBytesMax));
        InRange(ColdAfterSeconds, 0, 31_536_000, nameof(ColdAfterSeconds));
        InRange(HotBytesMax, 0, long.MaxValue, nameof(HotBytesMax));
        InRange(Pinned.Length, 0, 10_000, nameof(Pinned));
        foreach (var text in Pinned)
        {
            if (!Guid.TryParseExact(text, "D", out var id))
                throw Invalid($"{nameof(Pinned)}: expected ids of collections, got {text}");
            _pinned.Add(id);
        }

        InRange(TierSweepSeconds, 1, 3_600, nameof(TierSweepSeconds));
        InRange(GaugeAgeSeconds, 1, 3_600, nameof(GaugeAgeSeconds));
        InRange(GaugeCollectionsMax, 1, 1_000, nameof(GaugeCollectionsMax));
    }

    private static void InRange(long value, long lowest, long highest, string name)
    {
        if (value < lowest || value > highest)
            throw Invalid($"{name}: expected {lowest} to {highest}, got {value}");
    }

    private static OptionsValidationException Invalid(string broken) =>
        new(Section, typeof(IndexOptions), [$"{Section}:{broken}"]);
}
