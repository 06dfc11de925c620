namespace Taishang.VectorEngine;

/// <summary>The engine's maxima, in one place. What passes one is refused by name, never cut.</summary>
public static class Limits
{
    public const int DimensionsMax = 32_768;

    /// <summary>UTF-16 code units of an id.</summary>
    public const int IdCharactersMax = 128;

    /// <summary>Bytes of one row's metadata.</summary>
    public const int MetadataBytesMax = 256 << 10;

    /// <summary>Objects and arrays inside each other in metadata.</summary>
    public const int MetadataDepthMax = 32;

    /// <summary>Rows of one upsert, ids of one delete or get.</summary>
    public const int RowsPerCallMax = 10_000;

    /// <summary>Bytes of one upsert: vectors, ids and metadata together.</summary>
    public const int BytesPerCallMax = 256 << 20;

    /// <summary>Shards of one collection.</summary>
    public const int ShardsMax = 64;

    public const int TopKMax = 16_384;

    public const int OffsetMax = 16_384;

    public const int EfSearchMax = 16_384;

    /// <summary>Queries of one batch.</summary>
    public const int QueriesPerCallMax = 1_024;

    /// <summary>Hits of one group.</summary>
    public const int GroupSizeMax = 1_000;

    /// <summary>Groups times hits of each, of one search.</summary>
    public const int GroupedHitsMax = 16_384;

    /// <summary>Rows of one page of a scroll.</summary>
    public const int ScrollRowsMax = 10_000;

    /// <summary>Lists of an IVF index, and of them those that a search looks through.</summary>
    public const int ListsMax = 65_536;

    /// <summary>Dimensions from which signs alone tell vectors apart.</summary>
    public const int BinaryDimensionsMin = 64;

    public const int ConnectivityMin = 4;

    /// <summary>Twice this and the spare links still fit one batch of scores.</summary>
    public const int ConnectivityMax = 64;

    public const int EfConstructionMin = 8;

    public const int EfConstructionMax = 2_000;

    /// <summary>Rows of one collection: a packed node has 31 bits, and arrays have to hold one item a row.</summary>
    public const int RowsMax = 1_000_000_000;

    /// <summary>UTF-16 code units of what a caller keeps beside a snapshot.</summary>
    public const int SnapshotNoteCharactersMax = 1 << 20;

    /// <summary>
    /// Length (root of the sum of squares) of a vector. Beyond it the squared distance of two rows no longer fits
    /// float32, and infinite distances have no order.
    /// </summary>
    public const double VectorLengthMax = 9e18;

    /// <summary>Length below which a vector has no direction that float32 products can tell; zero included.</summary>
    public const double CosineLengthMin = 1e-15;

    /// <summary>Writes waiting for the log; further ones wait outside.</summary>
    internal const int QueuedWritesMax = 256;

    /// <summary>Bytes written between two syncs at most.</summary>
    internal const int GroupBytesMax = 64 << 20;

    /// <summary>Bytes of the disk that a collection keeps back for deletes: some thousands of ids.</summary>
    internal const int SpareBytes = 64 << 10;

    /// <summary>Bytes of log after which rows are sealed even if they are few.</summary>
    internal const long LogBytesMax = 512L << 20;

    /// <summary>Uncovered rows that are added to an existing graph by themselves.</summary>
    internal const int CatchUpRows = 1_000;

    /// <summary>
    /// Rows of a graph up to which every catching up is followed by a look for nodes that were cut off; larger ones are
    /// looked through when they are saved or when a build is asked for.
    /// </summary>
    internal const int RepairEagerlyRows = 200_000;

    /// <summary>Dead share of all rows at which a collection is compacted by itself.</summary>
    internal const double CompactShare = 0.3;

    /// <summary>Dead share at which an asked-for build compacts first.</summary>
    internal const double CompactShareOnBuild = 0.05;

    /// <summary>Dead rows below which compacting by itself is not worth it.</summary>
    internal const int CompactRowsMin = 1_000;

    /// <summary>Living rows below which a collection of kind Auto is scanned however wide they are: a walk of default
    /// width would score as many.</summary>
    internal const int AutoGraphRowsMin = 2_000;

    /// <summary>Small segments at the end of the list that are merged into one.</summary>
    internal const int SmallSegmentsMax = 8;
}
