using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>
/// Which structure a collection's rows get. A kind that was named is built when a build is asked for and kept up from
/// then on; <see cref="IndexKind.Auto"/> decides by itself: a scan while it takes about a millisecond of one core, a
/// graph from there on, and the scan again when a compaction finds less than half of that.
/// </summary>
internal sealed class IndexChoice(VectorCollectionOptions options, VectorEngineOptions engine)
{
    /// <summary>What scoring a row costs beside reading its floats, in bytes that could be read meanwhile.</summary>
    private const int RowOverheadBytes = 128;

    /// <summary>A graph goes away at this share of the size at which it would be begun, so that a collection near the
    /// bound does not go to and fro.</summary>
    private const double KeepShare = 0.5;

    /// <summary>The kind of the structure whenever there is one; null when rows are only ever scanned.</summary>
    public IndexKind? Structure => options.Index switch
    {
        IndexKind.Flat => options.Compression == CompressionKind.None ? null : IndexKind.Flat,
        IndexKind.Auto => IndexKind.Hnsw,
        var kind => kind,
    };

    /// <summary>The structure that this many living rows are to have; null for none.</summary>
    /// <param name="live">Rows that a search can find.</param>
    /// <param name="exists">Whether they have one.</param>
    /// <param name="isAsked">Whether a build is asked for.</param>
    public IndexKind? Wanted(int live, bool exists, bool isAsked)
    {
        if (options.Index != IndexKind.Auto)
            return exists || isAsked ? Structure : null;

        return live >= Limits.AutoGraphRowsMin && ScanBytes(live) > ScanBytesMax(exists) ? Structure : null;
    }

    /// <summary>Rows that a search needs not scan, or scans by choice.</summary>
    public int Covered(Snapshot snapshot)
    {
        if (snapshot.Generation.Index is { } index)
            return Math.Min(index.Covered, snapshot.Rows);

        var isScan = options.Index == IndexKind.Auto
            ? Wanted(snapshot.Live, exists: false, isAsked: false) is null
            : Structure is null;
        return isScan ? snapshot.Rows : 0;
    }

    /// <summary>Why a collection has the structure that it has.</summary>
    public string Reason(int live, IndexKind? inUse)
    {
        if (options.Index != IndexKind.Auto)
            return inUse is null && Structure is not null ? "no index was built yet: rows are scanned" : "as created";

        if (inUse is not null)
            return $"{live} rows: a scan would read more than {ScanBytesMax(exists: true):F0} bytes";

        return Wanted(live, exists: false, isAsked: false) is null
            ? $"{live} rows: a scan reads {ScanBytes(live)} bytes, a graph begins above {engine.AutoScanBytesMax} and "
                + $"{Limits.AutoGraphRowsMin} rows"
            : $"{live} rows: a graph is being built, rows are scanned until it is";
    }

    private long ScanBytes(int live) => (long)live * (options.Dimensions * sizeof(float) + RowOverheadBytes);

    private double ScanBytesMax(bool exists) => engine.AutoScanBytesMax * (exists ? KeepShare : 1);
}
