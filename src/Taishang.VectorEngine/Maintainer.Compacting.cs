using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Compactions. A long one keeps in the manifest what it has finished: parts of the rows' copy, then the graph over the
/// first of them. Should the process end, the next one goes on from there, on its own accord
/// (docs/decisions/0595-maintenance-that-can-be-cut-off.md). A short one is not worth the writes, and begins anew.
/// </summary>
internal sealed partial class Maintainer
{
    /// <summary>Rows of one part of a copy: as many as a build adds before it saves what it has.</summary>
    private int PartRows => Math.Max(engine.SealAfterRows, engine.SaveGraphAfterRows);

    private async Task CompactAsync(
        MaintenanceDemand demand, Action<double>? progress, CancellationToken cancellation)
    {
        var work = TryResume(demand, cancellation) ?? await BeginAsync(cancellation);
        var (snapshot, compactor, _) = work;
        try
        {
            var begun = CopyRows(work, cancellation);
            begun = await IndexAsync(work with { Begun = begun }, demand, progress, cancellation);
            compactor.CopyLater(state.Peek());
            var manifest = files.Manifest with
            {
                Segments = begun.Segments,
                Tombstones = null,
                Graph = begun.Graph,
                FirstLog = begun.FirstLog,
                Begun = null,
            };

            // From here on nothing may stop half-way: the new manifest and the new generation belong together.
            await queue.RunAloneAsync(() => Switch(compactor, manifest), CancellationToken.None);
        }
        catch (Exception exception)
        {
            if (!ReferenceEquals(state.Peek().Generation, compactor.Target))
                compactor.Target.Release();
            if (exception is IOException or UnauthorizedAccessException)
                GiveUpBegun();
            throw;
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>What was begun before and not finished, with a lease; null when there is none, or it is not worth it:
    /// so many rows died since that another compaction would have to follow.</summary>
    private CompactionWork? TryResume(MaintenanceDemand demand, CancellationToken cancellation)
    {
        if (files.Manifest.Begun is not { } begun)
            return null;

        var snapshot = state.Acquire();
        Compactor? compactor = null;
        CompactionWork? work = null;
        try
        {
            var leftOut = TombstoneFile.Load(files.Device, files.PathOf(begun.LeftOut), snapshot.Rows);
            compactor = Compactor.Resume(snapshot, leftOut);
            var rows = compactor.BaseRows + snapshot.Rows - leftOut.Rows;
            if (HasTooManyDead(rows, snapshot.Live, demand))
                return null;

            foreach (var segment in begun.Segments)
                compactor.TakePart(files.Device, files.PathOf(segment.File), segment.Rows, cancellation);
            return work = new CompactionWork(snapshot, compactor, begun);
        }
        catch (Exception exception) when (exception is CorruptDataException or IOException)
        {
            // What was copied can be copied again.
            return null;
        }
        finally
        {
            if (work is null)
            {
                compactor?.Target.Release();
                snapshot.Generation.Release();
            }
        }
    }

    private async Task<CompactionWork> BeginAsync(CancellationToken cancellation)
    {
        if (files.Manifest.Begun is not null)
            files.Replace(files.Manifest with { Begun = null });
        var (snapshot, firstLog) = await RotateAsync(cancellation);
        return new CompactionWork(
            snapshot, Compactor.Begin(snapshot), new BegunCompaction { LeftOut = "", FirstLog = firstLog });
    }

    /// <summary>Copies what is missing, part by part.</summary>
    private BegunCompaction CopyRows(CompactionWork work, CancellationToken cancellation)
    {
        var (snapshot, compactor, begun) = work;
        if (IsLong(compactor) && begun.LeftOut.Length == 0)
        {
            begun = begun with { LeftOut = files.NewTombstones() };
            TombstoneFile.Save(
                files.Device, files.PathOf(begun.LeftOut), Visibility.Dead(snapshot, snapshot.Rows));
        }

        while (compactor.CopiedRows < compactor.BaseRows)
        {
            var segment = new SegmentEntry(
                files.NewSegment(), Math.Min(PartRows, compactor.BaseRows - compactor.CopiedRows));
            compactor.CopyPart(files.Device, files.PathOf(segment.File), segment.Rows, cancellation);
            begun = begun with { Segments = [.. begun.Segments, segment] };
            Keep(compactor, begun);
        }

        return begun;
    }

    /// <summary>Builds the index over the copied rows, where they are to have one, and saves it on the way.</summary>
    private async Task<BegunCompaction> IndexAsync(
        CompactionWork work, MaintenanceDemand demand, Action<double>? progress, CancellationToken cancellation)
    {
        var (snapshot, compactor, begun) = work;
        var rows = compactor.BaseRows;
        var isAsked = demand != MaintenanceDemand.None || begun.Graph is not null;
        if (Choice.Wanted(rows, snapshot.Generation.Index is not null, isAsked) is not { } kind)
            return begun with { Graph = null };

        var index = OpenIndex(compactor, begun, kind);
        compactor.Target.Index = index;
        var most = Math.Min(rows, index.RowsMax);
        for (int next; IsLong(compactor) && index.GrowsByRows && (next = NextSave(index.Covered)) < most;)
        {
            await BuildAsync(index, next, Part(progress, next, rows), cancellation);
            begun = SaveGraph(begun, index, cancellation);
            Keep(compactor, begun);
        }

        await BuildAsync(index, rows, progress, cancellation);
        index.Mend(cancellation);
        begun = SaveGraph(begun, index, cancellation);
        LetGoOfFloats(compactor.Target.Rows, begun.Segments);
        return begun;
    }

    /// <summary>The index that was saved, or an empty one.</summary>
    private IRowIndex OpenIndex(Compactor compactor, BegunCompaction begun, IndexKind kind)
    {
        var options = files.Manifest.Options;
        var scorer = compactor.Target.Scorer;
        try
        {
            if (begun.Graph is not null)
            {
                return RowIndexes.Load(
                    new IndexFile(files.Device, files.PathOf(begun.Graph)), kind, options, scorer, compactor.BaseRows);
            }
        }
        catch (Exception exception) when (exception is CorruptDataException or IOException)
        {
            // It is made again.
        }

        return RowIndexes.Begin(kind, options, scorer, compactor.BaseRows);
    }

    private BegunCompaction SaveGraph(BegunCompaction begun, IRowIndex index, CancellationToken cancellation)
    {
        var name = files.NewGraph();
        index.Save(files.Device, files.PathOf(name), cancellation);
        return begun with { Graph = name };
    }

    private bool IsLong(Compactor compactor) => compactor.BaseRows > PartRows;

    private void Keep(Compactor compactor, BegunCompaction begun)
    {
        if (IsLong(compactor))
            files.Replace(files.Manifest with { Begun = begun });
    }

    /// <summary>A disk that refuses gets the room of what was begun back. Files go only after a manifest that does not
    /// name them: where that fails too, they stay, and are gone on with.</summary>
    private void GiveUpBegun()
    {
        try
        {
            if (files.Manifest.Begun is not null)
                files.Replace(files.Manifest with { Begun = null });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Told already, by the failure before.
        }
    }

    private void Switch(Compactor compactor, Manifest manifest)
    {
        files.Replace(manifest);
        _savedGraphRows = compactor.Target.Index?.Covered ?? 0;
        try
        {
            state.Replace(compactor.Target, compactor.Expiries, () => compactor.Finish(state.Peek()));
        }
        catch (Exception exception)
        {
            // The files are those of rows that memory does not have: only opening anew makes the two agree.
            queue.Break(exception);
            throw;
        }
    }

    /// <summary>A compaction at work.</summary>
    /// <param name="Snapshot">A lease on the generation that it reads.</param>
    /// <param name="Compactor">What it has made in memory.</param>
    /// <param name="Begun">What it has made on the disk.</param>
    private sealed record CompactionWork(Snapshot Snapshot, Compactor Compactor, BegunCompaction Begun);
}
