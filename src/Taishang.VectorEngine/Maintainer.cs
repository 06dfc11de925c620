using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Keeps a collection in shape behind its writes: seals rows into segments, compacts when many are dead, keeps the
/// graph caught up. One pass runs at a time, on its own thread; searches and writes go on meanwhile.
/// </summary>
internal sealed partial class Maintainer(
    CollectionFiles files, CollectionState state, CommitQueue queue, VectorEngineOptions engine, int savedGraphRows)
    : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private int _savedGraphRows = savedGraphRows;

    private IndexChoice Choice => new(files.Manifest.Options, engine);

    public bool HasWork()
    {
        var snapshot = state.Peek();
        return NeedsSeal(snapshot, isAsked: false) || NeedsCompaction(snapshot, MaintenanceDemand.None)
            || NeedsCover(snapshot);
    }

    /// <summary>One pass. An asked-for one leaves every row written before it sealed and under the index.</summary>
    public async Task RunAsync(
        MaintenanceDemand demand, Action<double>? progress, CancellationToken cancellation)
    {
        var isAsked = demand != MaintenanceDemand.None;
        await _gate.WaitAsync(cancellation);
        try
        {
            queue.ThrowIfBroken();

            // Rows whose time came count as dead, so that their bytes go too.
            var snapshot = state.SweepAndPeek();
            MemoryLimitException? refused = null;
            using (var room = NeedsCompaction(snapshot, demand) ? RoomToCompact(snapshot, isAsked, out refused) : null)
            {
                if (room is not null)
                {
                    await CompactAsync(demand, progress, cancellation);
                }
                else
                {
                    if (NeedsSeal(snapshot, isAsked))
                        await SealAsync(cancellation);
                    await CoverAsync(isAsked, progress, cancellation);
                }
            }

            await RenewOutgrownAsync(demand, progress, cancellation);

            MergeSmallSegments(cancellation);

            // Said at the end, so that the coordinator waits for the next write instead of trying again at once.
            if (refused is not null && demand != MaintenanceDemand.Build)
                throw refused;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Changes the manifest's options between two passes.</summary>
    public async Task ReconfigureAsync(
        Func<VectorCollectionOptions, VectorCollectionOptions> change, CancellationToken cancellation)
    {
        await _gate.WaitAsync(cancellation);
        try
        {
            files.Replace(files.Manifest with { Options = change(files.Manifest.Options) });
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private bool NeedsSeal(Snapshot snapshot, bool isAsked)
    {
        var unsealed = snapshot.Rows - files.Manifest.SealedRows();
        return unsealed >= engine.SealAfterRows
            || queue.Log.DurableBytes >= Limits.LogBytesMax
            || (isAsked && (unsealed > 0 || queue.Log.DurableBytes > Log.LogFormat.FileHeaderBytes));
    }

    /// <summary>Rows just covered may be such that an index laid for others does not serve them.</summary>
    private async Task RenewOutgrownAsync(
        MaintenanceDemand demand, Action<double>? progress, CancellationToken cancellation)
    {
        var snapshot = state.Peek();
        if (snapshot.Generation.Index?.IsOutgrown(snapshot.Rows) != true)
            return;

        // Without room it serves as well as it can: the next pass tries again.
        using var room = RoomToCompact(snapshot, demand != MaintenanceDemand.None, out _);
        if (room is not null)
            await CompactAsync(demand, progress, cancellation);
    }

    private bool NeedsCompaction(Snapshot snapshot, MaintenanceDemand demand) =>
        (demand == MaintenanceDemand.Rebuild && snapshot.Rows > 0)
        || files.Manifest.Begun is not null || snapshot.Generation.Index?.IsOutgrown(snapshot.Rows) == true
        || HasTooManyDead(snapshot.Rows, snapshot.Live, demand);

    private static bool HasTooManyDead(int rows, int live, MaintenanceDemand demand) => demand switch
    {
        MaintenanceDemand.Compaction or MaintenanceDemand.Rebuild => rows > live,
        MaintenanceDemand.Build => rows - live > rows * Limits.CompactShareOnBuild,
        _ => rows - live >= Limits.CompactRowsMin && rows - live > rows * Limits.CompactShare,
    };

    private bool NeedsCover(Snapshot snapshot) => snapshot.Generation.Index is { } index
        ? Math.Min(snapshot.Rows, index.RowsMax) - index.Covered >= Limits.CatchUpRows
        : Choice.Wanted(snapshot.Live, exists: false, isAsked: false) is not null;

    /// <summary>Null when a second generation does not fit into memory: then the dead rows stay for now, and the others
    /// are sealed and covered as they are, which takes less.</summary>
    private MemoryReservation? RoomToCompact(Snapshot snapshot, bool isAsked, out MemoryLimitException? refused)
    {
        var kind = Choice.Wanted(snapshot.Live, snapshot.Generation.Index is not null, isAsked);
        refused = null;
        try
        {
            return engine.Memory.Reserve(
                MemoryNeeds.ToCompact(snapshot, files.Manifest.Options, kind), "the compaction");
        }
        catch (MemoryLimitException exception)
        {
            refused = exception;
            return null;
        }
    }

    /// <summary>Begins a new log and writes the rows before it into a segment.</summary>
    private async Task SealAsync(CancellationToken cancellation)
    {
        var (snapshot, firstLog) = await RotateAsync(cancellation);
        try
        {
            var manifest = files.Manifest;
            var rows = SegmentRows.Range(manifest.SealedRows(), snapshot.Rows);
            SegmentEntry? segment = null;
            if (rows.Count > 0)
                segment = SaveSegment(snapshot, rows, cancellation);

            string? tombstones = null;
            if (snapshot.Live < snapshot.Rows)
            {
                tombstones = files.NewTombstones();
                TombstoneFile.Save(
                    files.Device, files.PathOf(tombstones), Visibility.Dead(snapshot, snapshot.Rows));
            }

            // A compaction that was begun needs logs that go now; it could not go on, and is given up.
            files.Replace(manifest with
            {
                Begun = null,
                Segments = segment is null ? manifest.Segments : [.. manifest.Segments, segment],
                Tombstones = tombstones,
                FirstLog = firstLog,
            });
            if (segment is not null)
                MapSegment(snapshot.Generation.Rows, segment, rows);
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    private SegmentEntry SaveSegment(Snapshot snapshot, SegmentRows rows, CancellationToken cancellation)
    {
        var name = files.NewSegment();
        SegmentFile.Save(files.Device, files.PathOf(name), snapshot.Generation.Rows, rows, cancellation);
        return new SegmentEntry(name, rows.Count);
    }

    /// <summary>The memory of rows that are safe in a file is given up; they are read from there. To fail at it costs
    /// memory alone.</summary>
    private void MapSegment(RowTable table, SegmentEntry segment, SegmentRows rows)
    {
        try
        {
            SegmentFile.Map(files.Device, files.PathOf(segment.File), table, rows);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Nothing has changed: the rows stay where they are until the next start.
        }
    }

    /// <summary>Adds uncovered rows to the graph, and saves it when the rows it covers are sealed.</summary>
    private async Task CoverAsync(bool isAsked, Action<double>? progress, CancellationToken cancellation)
    {
        const string What = "the index build";
        var options = files.Manifest.Options;
        var snapshot = state.Acquire();
        MemoryReservation? room = null;
        try
        {
            var generation = snapshot.Generation;
            if (generation.Index is null)
            {
                if (Choice.Wanted(snapshot.Live, exists: false, isAsked) is not { } kind)
                    return;

                room = engine.Memory.Reserve(MemoryNeeds.ToCover(snapshot, options, kind), What);
                generation.Index = RowIndexes.Begin(kind, options, generation.Scorer, snapshot.Rows);
            }

            var index = generation.Index;
            var coveredBefore = index.Covered;
            room ??= engine.Memory.Reserve(MemoryNeeds.ToCover(snapshot, options, index.Kind), What);
            var sealedRows = files.Manifest.SealedRows();
            if (_savedGraphRows < sealedRows && index.Covered <= sealedRows)
            {
                var most = Math.Min(sealedRows, index.RowsMax);
                for (int next; index.GrowsByRows && (next = NextSave(index.Covered)) < most;)
                {
                    await BuildAsync(index, next, Part(progress, next, snapshot.Rows), cancellation);
                    SaveIndex(index, cancellation);
                }

                await BuildAsync(index, sealedRows, Part(progress, sealedRows, snapshot.Rows), cancellation);
                index.Mend(cancellation);
                SaveIndex(index, cancellation);
            }

            var before = index.Covered;
            await BuildAsync(index, snapshot.Rows, progress, cancellation);
            if (index.Covered > before && (isAsked || index.Covered <= Limits.RepairEagerlyRows))
                index.Mend(cancellation);
            if (index.Covered > coveredBefore)
                LetGoOfFloats(generation.Rows, files.Manifest.Segments);
        }
        finally
        {
            room?.Dispose();
            snapshot.Generation.Release();
        }
    }

    /// <summary>Rows at which a long build keeps what it has, so that a crash costs a third of it at most. The steps
    /// grow with the graph: all saves together write no more than three times its size.</summary>
    private int NextSave(int covered) =>
        (int)Math.Min(int.MaxValue, covered + (long)Math.Max(engine.SaveGraphAfterRows, covered / 2));

    /// <summary>The progress of a part, which ends at a row, within that of all rows.</summary>
    private static Action<double>? Part(Action<double>? progress, int rows, int allRows) =>
        progress is null ? null : share => progress(share * rows / allRows);

    private async Task BuildAsync(
        IRowIndex index, int rows, Action<double>? progress, CancellationToken cancellation)
    {
        rows = Math.Min(rows, index.RowsMax);
        if (index.Covered >= rows)
            return;

        await index.CoverAsync(
            rows, engine.BuildThreads, covered => progress?.Invoke((double)covered / rows), cancellation);
    }

    private void SaveIndex(IRowIndex index, CancellationToken cancellation)
    {
        var name = files.NewGraph();
        index.Save(files.Device, files.PathOf(name), cancellation);
        files.Replace(files.Manifest with { Graph = name });
        _savedGraphRows = index.Covered;
    }

    /// <summary>A build has read every row. Where codes are to be all that memory holds, the pages go back to the
    /// system, and are read again when a search puts rows in order.</summary>
    private void LetGoOfFloats(RowTable table, IReadOnlyList<SegmentEntry> segments)
    {
        if (files.Manifest.Options.Compression == CompressionKind.None)
            return;

        var start = 0;
        foreach (var segment in segments)
        {
            MapSegment(table, segment, SegmentRows.Range(start, start + segment.Rows));
            start += segment.Rows;
        }
    }

    private async Task<(Snapshot Snapshot, long FirstLog)> RotateAsync(CancellationToken cancellation)
    {
        Snapshot? snapshot = null;
        long firstLog = 0;
        await queue.RunAloneAsync(
            () =>
            {
                queue.Log.Rotate();
                firstLog = queue.Log.Number;
                snapshot = state.Acquire();
            },
            cancellation);
        return (snapshot!, firstLog);
    }

    /// <summary>Many builds of few rows leave many small files; the ones at the end become one.</summary>
    private void MergeSmallSegments(CancellationToken cancellation)
    {
        var segments = files.Manifest.Segments;
        var small = 0;
        while (small < segments.Count && segments[segments.Count - 1 - small].Rows < engine.SealAfterRows)
            small++;
        if (small <= Limits.SmallSegmentsMax)
            return;

        var snapshot = state.Acquire();
        try
        {
            var kept = segments.Take(segments.Count - small).ToList();
            var start = kept.Sum(segment => segment.Rows);
            var rows = SegmentRows.Range(start, files.Manifest.SealedRows());
            var segment = SaveSegment(snapshot, rows, cancellation);
            kept.Add(segment);
            files.Replace(files.Manifest with { Segments = kept });
            MapSegment(snapshot.Generation.Rows, segment, rows);
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }
}
