using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The door of the engine: one durable collection of vectors in a folder of its own. All members may be called from
/// any thread. Writes are durable when their task completes and visible to every search that starts afterwards.
/// </summary>
public sealed partial class VectorCollection : IVectorCollection
{
    private readonly FolderLock _folderLock;
    private readonly VectorEngineOptions _engine;
    private readonly CollectionFiles _files;
    private readonly CollectionState _state;
    private readonly CommitQueue _queue;
    private readonly SpareFile _spare;
    private readonly BuildCoordinator _builds;
    private readonly SearchMemoryPool _memory = new();
    private readonly ScrollTable _scrolls;
    private readonly IReadOnlyList<string> _notes;
    private int _disposed;

    private VectorCollection(FolderLock folderLock, OpenedCollection opened, VectorEngineOptions engine)
    {
        _folderLock = folderLock;
        _engine = engine;
        _files = opened.Files;
        _state = opened.State;
        _notes = opened.Notes;
        _spare = opened.Spare;
        _queue = new CommitQueue(_state, opened.Log, opened.Spare);
        _builds = new BuildCoordinator(
            new Maintainer(_files, _state, _queue, engine, opened.SavedGraphRows), engine);
        _scrolls = new ScrollTable(engine.Time, engine.ScrollIdle, engine.ScrollsMax);
        _queue.Committed = _builds.Nudge;
        _builds.Nudge();
    }

    private VectorCollectionOptions Options => _files.Manifest.Options;

    /// <summary>Makes a new, empty collection in a folder that does not hold one yet.</summary>
    /// <exception cref="VectorInputException">An option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The folder holds a collection.</exception>
    /// <exception cref="WriteFailedException">The disk refused.</exception>
    public static Task<VectorCollection> CreateAsync(
        string folder, VectorCollectionOptions options, VectorEngineOptions engine, CancellationToken cancellation) =>
        CreateAsync(folder, options, engine, DiskDevice.Instance, cancellation);

    /// <summary>Opens what <see cref="CreateAsync(string, VectorCollectionOptions, VectorEngineOptions,
    /// CancellationToken)"/> made and replays what was acknowledged before the last stop.</summary>
    /// <exception cref="CorruptDataException">A file is damaged beyond what can be rebuilt from the others.</exception>
    /// <exception cref="FileNotFoundException">The folder holds no collection.</exception>
    /// <exception cref="MemoryLimitException">It would not fit into memory; nothing was read.</exception>
    public static Task<VectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, CancellationToken cancellation) =>
        OpenAsync(folder, engine, DiskDevice.Instance, cancellation);

    /// <summary>Writes all rows or none; a later row of the same id in one call wins. Returns rows written.</summary>
    /// <exception cref="VectorInputException">A row breaks a rule; nothing was written.</exception>
    /// <exception cref="WriteFailedException">The disk refused; nothing of it is visible.</exception>
    public Task<int> UpsertAsync(IReadOnlyList<VectorRow> rows, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var options = Options;
        var chosen = RowRules.CheckRows(rows, options);
        if (chosen.Count == 0)
            return Task.FromResult(0);

        var expiries = RowRules.Expiries(rows, options, _engine.Time);
        return _queue.UpsertAsync(LogRecord.Upsert(rows, expiries, chosen), cancellation);
    }

    /// <summary>Deletes by id; returns how many live rows really went.</summary>
    public Task<int> DeleteAsync(IReadOnlyList<VectorId> ids, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var distinct = RowRules.CheckIds(ids);
        return distinct.Count == 0
            ? Task.FromResult(0)
            : _queue.DeleteAsync(LogRecord.Delete(distinct), cancellation);
    }

    /// <summary>Deletes by filter; returns how many live rows really went.</summary>
    public Task<int> DeleteAsync(MetadataFilter filter, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        return _queue.DeleteAsync(filter, cancellation);
    }

    /// <summary>The live rows among the ids, in the order asked, missing ones left out.</summary>
    public IReadOnlyList<VectorRow> Get(IReadOnlyList<VectorId> ids)
    {
        ThrowIfDisposed();
        RowRules.CheckIdCount(ids.Count);
        var found = new List<int>(ids.Count);
        var snapshot = _state.Find(ids, found);
        try
        {
            return found.ConvertAll(row => AnswerWriter.Row(snapshot.Generation.Rows, row));
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>Live rows, all or those that match.</summary>
    public long Count(MetadataFilter? filter = null)
    {
        ThrowIfDisposed();
        var snapshot = _state.Acquire();
        try
        {
            return filter is null ? snapshot.Live : snapshot.Generation.Matches.Of(filter, snapshot).Count;
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>
    /// Brings every row written so far under the index. Searches and writes go on meanwhile. Two builds at once are
    /// one build. Reports a share from 0 to 1 that never goes back, one call at a time, from the build's threads: who
    /// listens must be quick.
    /// </summary>
    /// <exception cref="MemoryLimitException">The index would not fit into memory; nothing of it was begun.</exception>
    /// <exception cref="WriteFailedException">The disk refused; the rows are as they were.</exception>
    public Task BuildIndexAsync(IProgress<double>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        return _builds.BuildAsync(MaintenanceDemand.Build, progress, cancellation);
    }

    /// <summary>
    /// Does what <see cref="BuildIndexAsync"/> does, and writes the collection anew without the rows deleted, replaced
    /// or expired so far, however few they are: afterwards no file holds their bytes.
    /// </summary>
    public Task CompactAsync(IProgress<double>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        return _builds.BuildAsync(MaintenanceDemand.Compaction, progress, cancellation);
    }

    /// <summary>
    /// Does what <see cref="CompactAsync"/> does, and lays the index anew though no row is dead: what came in many
    /// small steps is then as if it had come at once.
    /// </summary>
    public Task RebuildAsync(IProgress<double>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        return _builds.BuildAsync(MaintenanceDemand.Rebuild, progress, cancellation);
    }

    /// <summary>Changes the parameters that may change: graph search width, time to live of rows to come.</summary>
    /// <param name="efSearch">1–16384; null keeps what is.</param>
    /// <param name="probes">Lists to look through, 1–65536; null keeps what is.</param>
    /// <param name="timeToLive">More than zero; null lets rows to come live for ever.</param>
    /// <param name="cancellation">Gives up waiting for a running build.</param>
    public Task ReconfigureAsync(
        int? efSearch, int? probes, TimeSpan? timeToLive, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        if (efSearch is { } ef)
            RowRules.CheckRange("ef_search", ef, 1, Limits.EfSearchMax);
        if (probes is { } lists)
            RowRules.CheckRange("nprobe", lists, 1, Limits.ListsMax);
        RowRules.CheckTimeToLive(timeToLive);
        return _builds.ReconfigureAsync(
            options => options with
            {
                TimeToLive = timeToLive,
                Hnsw = options.Hnsw with { EfSearch = efSearch ?? options.Hnsw.EfSearch },
                Ivf = options.Ivf with { Probes = probes ?? options.Ivf.Probes },
            },
            cancellation);
    }

    public CollectionDescription Describe()
    {
        ThrowIfDisposed();
        var snapshot = _state.Acquire();
        try
        {
            var covered = new IndexChoice(Options, _engine).Covered(snapshot);
            return new CollectionDescription
            {
                Options = Options,
                LiveRows = snapshot.Live,
                DeadRows = snapshot.Rows - snapshot.Live,
                IndexedRows = covered == snapshot.Rows ? snapshot.Live : Visibility.CountLive(snapshot, covered),
                DiskBytes = _files.DiskBytes(),
                MemoryBytes = snapshot.Generation.MemoryBytes,
                MappedBytes = snapshot.Generation.Rows.MappedBytes,
                NextExpiry = _state.NextExpiryAt,
                Index = IndexUse.Of(snapshot, _files, _engine),
                RecoveryNotes = _notes,
            };
        }
        finally
        {
            snapshot.Generation.Release();
        }
    }

    /// <summary>Finishes the writes that wait, stops builds, closes the files and gives the memory back.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;

        _scrolls.Dispose();
        await _builds.DisposeAsync();
        await _queue.DisposeAsync();
        _state.Close();
        _memory.Clear();
        _folderLock.Dispose();
    }

    internal static Task<VectorCollection> CreateAsync(
        string folder,
        VectorCollectionOptions options,
        VectorEngineOptions engine,
        IStorageDevice device,
        CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        return Task.Run(
            () => FolderLock.Hold(
                folder,
                taken => new VectorCollection(
                    taken, new CollectionOpener(device, folder, engine).Create(options), engine)),
            cancellation);
    }

    internal static Task<VectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, IStorageDevice device, CancellationToken cancellation) =>
        OpenAsync(folder, engine, device, null, cancellation);

    private static Task<VectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, IStorageDevice device, ShardParts? parts,
        CancellationToken cancellation)
    {
        if (!device.Exists(Path.Combine(folder, Manifest.FileName)))
            throw new FileNotFoundException($"{folder} holds no collection", Path.Combine(folder, Manifest.FileName));

        return Task.Run(
            () => FolderLock.Hold(
                folder,
                taken => new VectorCollection(
                    taken, new CollectionOpener(device, folder, engine, parts).Open(cancellation), engine)),
            cancellation);
    }

    private void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_disposed != 0, this);
}
