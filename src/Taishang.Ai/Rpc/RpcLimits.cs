namespace Taishang.Ai.Rpc;

/// <summary>What one call may bring, beyond the limits of the engine. A worker does not trust its caller.</summary>
internal static class RpcLimits
{
    /// <summary>Rows of an upsert, ids of a get or delete.</summary>
    public const int RowsMax = 10_000;

    public const int IdCharsMax = 128;

    /// <summary>Queries of one search.</summary>
    public const int QueriesMax = 1_024;

    public const int TopKMax = 16_384;

    public const int OffsetMax = 16_384;

    public const int EfMax = 16_384;

    public const int CursorCharsMax = 128;

    /// <summary>Vectors and metadata after which a page of a scroll ends early: in JSON they are some three times as
    /// much.</summary>
    public const long ScrollBytesMax = 32 << 20;

    /// <summary>Hits that one search may return over all its queries: some 100 MB as objects.</summary>
    public const int HitsMax = 1_000_000;

    public const int FilterBytesMax = 1 << 20;

    /// <summary>A century. Longer is for ever, which is written as 0.</summary>
    public const long TtlSecondsMax = 100L * 366 * 24 * 3600;

    /// <summary>The end of the year 9999, where the calendar of .NET ends.</summary>
    public const long UnixMsMax = 253_402_300_799_999;

    /// <summary>Tensors of one inference call; texts are limited by the models' own options.</summary>
    public const int TensorsMax = 256;

    /// <summary>UTF-16 code units of what core keeps with a snapshot.</summary>
    public const int SnapshotNoteCharsMax = 64 << 10;
}
