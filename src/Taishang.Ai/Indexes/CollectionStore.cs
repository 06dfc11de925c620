using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Memory;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Owns the open collections of this worker. At start it reads them in the background, so that the process answers at
/// once and says how far it is; one that can not be read is kept as broken, with its reason, and stops no other.
/// </summary>
/// <remarks>Other engines will stand behind this class, chosen by the engine's name in the spec; until there is a
/// second one, an interface would only guess at what they share.</remarks>
internal sealed class CollectionStore(
    CollectionFolders folders, SnapshotFolders snapshots, CollectionTiers tiers, CollectionPins pins,
    VectorEngineOptions engine, MemoryBudget memory, IndexOptions options, TimeProvider time,
    ILogger<CollectionStore> logger) : IHostedService, IDisposable
{
    private readonly ConcurrentDictionary<Guid, CollectionEntry> _entries = new();
    private readonly SemaphoreSlim _changes = new(1);

    /// <summary>One at a time is pinned, so that two do not both count on the same room.</summary>
    private readonly SemaphoreSlim _pinning = new(1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _opened = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _opening = Task.CompletedTask;
    private int _settledCount;
    private int _foundCount;

    /// <summary>Completes when every collection found at start is open or known to be broken; never fails.</summary>
    public Task Opened => _opened.Task;

    public bool IsOpened => _opened.Task.IsCompleted;

    /// <summary>How many of the collections found at start have been read.</summary>
    public (int Settled, int Found) Progress => (Volatile.Read(ref _settledCount), Volatile.Read(ref _foundCount));

    public IReadOnlyCollection<CollectionEntry> Entries => [.. _entries.Values];

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var found = folders.List();
        foreach (var id in found) _entries[id] = new CollectionEntry(id, time) { Pin = pins.Read(id) };
        Volatile.Write(ref _foundCount, found.Count);
        _opening = Task.Run(() => OpenAllAsync(found), CancellationToken.None);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _opening;
        await Task.WhenAll(_entries.Values.Select(entry => entry.CloseAsync()));
    }

    /// <summary>Enters a collection, waiting a little for one that is still being read.</summary>
    /// <exception cref="WorkerException">COLLECTION_NOT_FOUND, COLLECTION_OPENING, COLLECTION_CORRUPT, or why else it
    /// could not be read.</exception>
    public ValueTask<CollectionLease> EnterAsync(Guid id, CancellationToken cancellation)
    {
        if (!_entries.TryGetValue(id, out var entry)) throw CollectionEntry.NotFound(id);
        return entry.TryEnter() is { } lease
            ? ValueTask.FromResult(lease) : WaitAsync(entry, cancellation);
    }

    /// <summary>A lease for who only looks, while the collection is open; else null.</summary>
    public CollectionLease? TryPeek(Guid id) => _entries.GetValueOrDefault(id)?.TryPeek();

    /// <summary>How a collection is, its tier, and whether it is pinned. Looking does not keep it in memory, and brings
    /// a cold one back only when rows of it have expired since it was released.</summary>
    /// <exception cref="WorkerException">As <see cref="EnterAsync"/>.</exception>
    public async Task<(CollectionDescription Description, bool IsHot, bool IsPinned)> DescribeAsync(
        Guid id, CancellationToken cancellation)
    {
        if (!_entries.TryGetValue(id, out var entry)) throw CollectionEntry.NotFound(id);
        if (entry.TryDescribeCold() is { } cold) return (cold, false, pins.IsPinned(entry));
        using var lease = entry.TryPeek() ?? await WaitAsync(entry, cancellation);
        return (lease.Collection.Describe(), true, pins.IsPinned(entry));
    }

    /// <summary>Keeps a collection in memory from now on, over restarts too, or lets it go cold as others do. What is
    /// pinned is loaded.</summary>
    /// <exception cref="WorkerException">PIN_BUDGET; the disk refuses; or as <see cref="EnterAsync"/>.</exception>
    public async Task PinAsync(Guid id, bool isPinned, CancellationToken cancellation)
    {
        if (!_entries.TryGetValue(id, out var entry)) throw CollectionEntry.NotFound(id);
        await _pinning.WaitAsync(cancellation);
        try
        {
            // Who is inside keeps it in memory until the word stands. Loaded it is measured: what a load is estimated
            // to need is far more, and the answer must not depend on whether it was cold.
            using var lease = isPinned ? await EnterAsync(id, cancellation) : null;
            if (lease is not null && !pins.IsPinned(entry))
                pins.RequireRoom(lease.Collection.MemoryBytes, _entries.Values.Where(other => other != entry));
            if (entry.Pin == isPinned) return;
            CollectionPins.Write(id, folders.Of(id), isPinned);
            entry.Pin = isPinned;
        }
        finally
        {
            _pinning.Release();
        }
    }

    /// <summary>Releases the memory of what nobody uses.</summary>
    public Task SweepTiersAsync() => tiers.SweepAsync(() => _entries.Values);

    /// <summary>Makes the collection; one that exists with the same spec is left as it is.</summary>
    /// <exception cref="WorkerException">COLLECTION_EXISTS with another spec; COLLECTION_PARAMETER_INVALID; PIN_BUDGET;
    /// or the disk or memory refuses.</exception>
    public async Task CreateAsync(
        Guid id, VectorCollectionOptions spec, bool isPinned, CancellationToken cancellation)
    {
        await _changes.WaitAsync(cancellation);
        try
        {
            if (_entries.ContainsKey(id))
            {
                using var lease = await EnterAsync(id, cancellation);
                RequireSame(id, lease.Collection.Describe().Options, spec);
                return;
            }

            RequireRoom();
            var entry = new CollectionEntry(id, time) { Pin = isPinned ? true : null };
            entry.Open(await MakeAsync(id, spec, isPinned, cancellation));
            _entries[id] = entry;
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Makes a collection of a snapshot; one that exists is left as it is. Returns its rows.</summary>
    /// <exception cref="WorkerException">This worker holds as many as it may.</exception>
    /// <exception cref="CorruptDataException">The snapshot is damaged; nothing was made.</exception>
    public async Task<long> RestoreAsync(
        Guid id, string snapshotFolder, IProgress<double>? progress, CancellationToken cancellation)
    {
        if (_entries.ContainsKey(id)) return await CountAsync(id, cancellation);
        RequireRoom();
        folders.Discard(id);
        try
        {
            // Aside and without the lock: a large restore holds up no one.
            await VectorCollection.RestoreAsync(snapshotFolder, folders.Making(id), engine, progress, cancellation);
            await _changes.WaitAsync(cancellation);
            try
            {
                RequireRoom();
                folders.Publish(id);
                var entry = new CollectionEntry(id, time);
                entry.Open(await VectorCollections.OpenAsync(folders.Of(id), engine, CancellationToken.None));
                _entries[id] = entry;
            }
            finally
            {
                _changes.Release();
            }
        }
        catch
        {
            folders.Discard(id);
            throw;
        }

        return await CountAsync(id, cancellation);
    }

    /// <summary>Removes a collection in any state; false when there is none.</summary>
    public async Task<bool> DropAsync(Guid id, CancellationToken cancellation)
    {
        if (!_entries.TryGetValue(id, out var entry)) return false;
        await entry.Settled.WaitAsync(cancellation);
        string gone;
        await _changes.WaitAsync(cancellation);
        try
        {
            if (!_entries.TryGetValue(id, out var current) || current != entry) return false;
            // From here on nothing is half done: the caller's leaving does not keep a closed collection on the list.
            await entry.CloseAsync();
            folders.TakeAway(id, out gone);
            _entries.TryRemove(id, out _);
        }
        finally
        {
            _changes.Release();
        }

        if (!CollectionFolders.TryDelete(gone))
            logger.LogWarning("Folder {Folder} of a dropped collection stays until the next start", gone);
        return true;
    }

    public void Dispose()
    {
        foreach (var entry in _entries.Values) entry.Dispose();
        _changes.Dispose();
        _pinning.Dispose();
        _stopping.Dispose();
    }

    private void RequireRoom()
    {
        if (_entries.Count >= options.CollectionsMax)
            throw new WorkerException(
                ErrorCode.InsufficientMemory, $"this worker holds {_entries.Count} collections, as many as it may");
    }

    private async Task<long> CountAsync(Guid id, CancellationToken cancellation)
    {
        using var lease = await EnterAsync(id, cancellation);
        return lease.Collection.Count();
    }

    private async ValueTask<CollectionLease> WaitAsync(CollectionEntry entry, CancellationToken cancellation)
    {
        var patience = TimeSpan.FromMilliseconds(options.OpenWaitMs);
        var began = time.GetTimestamp();
        while (true)
        {
            if (entry.TryEnter() is { } lease) return lease;
            // One caller loads, all wait. The load goes on when they lose patience: it is there for the next.
            var settled = entry.Settled;
            if (entry.TryBeginLoad())
            {
                settled = entry.Settled;
                _ = tiers.LoadAsync(entry, () => _entries.Values, _stopping.Token);
            }

            var left = patience - time.GetElapsedTime(began);
            if (left < TimeSpan.Zero) throw Opening();
            if (await WaitAsync(settled, left, cancellation) is { } refusal)
                throw new WorkerException(refusal.Code, refusal.Message, "collection_id", refusal)
                {
                    RetryAfter = refusal.RetryAfter,
                };
        }
    }

    private async Task<WorkerException?> WaitAsync(
        Task<WorkerException?> settled, TimeSpan left, CancellationToken cancellation)
    {
        try
        {
            return await settled.WaitAsync(left, time, cancellation);
        }
        catch (TimeoutException)
        {
            throw Opening();
        }
    }

    private WorkerException Opening()
    {
        var (settled, found) = Progress;
        var where = IsOpened ? "the collection is being read from disk"
            : $"the worker is opening its collections, {settled} of {found} are open";
        return new WorkerException(ErrorCode.CollectionOpening, where, "collection_id")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    private async Task<IVectorCollection> MakeAsync(
        Guid id, VectorCollectionOptions spec, bool isPinned, CancellationToken cancellation)
    {
        memory.Require(0, "a collection");
        folders.Discard(id);
        try
        {
            await using (var made =
                await VectorCollections.CreateAsync(folders.Making(id), spec, engine, cancellation))
            {
                if (isPinned) pins.RequireRoom(made.MemoryBytes, _entries.Values);
            }

            if (isPinned) CollectionPins.Write(id, folders.Making(id), isPinned);
            folders.Publish(id);
        }
        catch
        {
            folders.Discard(id);
            throw;
        }

        return await VectorCollections.OpenAsync(folders.Of(id), engine, CancellationToken.None);
    }

    private async Task OpenAllAsync(IReadOnlyList<Guid> found)
    {
        var started = time.GetTimestamp();
        try
        {
            var swept = folders.Sweep();
            snapshots.Sweep();
            if (swept > 0) logger.LogInformation("Swept {Count} leftover folders", swept);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            logger.LogWarning(e, "Leftover folders could not be swept; the next start tries again");
        }

        await Parallel.ForEachAsync(
            PinnedAndNewestFirst(found), new ParallelOptions { MaxDegreeOfParallelism = options.OpenParallelism },
            async (id, _) =>
            {
                await OpenAsync(_entries[id]);
                Interlocked.Increment(ref _settledCount);
            });
        if (_stopping.IsCancellationRequested) return;
        logger.LogInformation(
            "Opened {Count} collections in {Milliseconds} ms", found.Count,
            (long)time.GetElapsedTime(started).TotalMilliseconds);
        _opened.TrySetResult();
    }

    /// <summary>Pinned ones have a right to their room; of the others, what was written last is most likely to be asked
    /// for first.</summary>
    private IReadOnlyList<Guid> PinnedAndNewestFirst(IReadOnlyList<Guid> found)
    {
        var newest = options.HotBytesMax == 0 ? found : (IEnumerable<Guid>)found.OrderByDescending(folders.WrittenAt);
        return [.. newest.OrderByDescending(id => pins.IsPinned(_entries[id]))];
    }

    private Task OpenAsync(CollectionEntry entry)
    {
        try
        {
            if (tiers.HasRoom(entry, _entries.Values))
                return tiers.LoadAsync(entry, () => _entries.Values, _stopping.Token);
            entry.Cool(null);
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CorruptDataException)
        {
            // Loading will say it in its own words.
            return tiers.LoadAsync(entry, () => _entries.Values, _stopping.Token);
        }
    }

    // What Update may change is not compared: a creation that is sent again must not fail because of it.
    private static void RequireSame(Guid id, VectorCollectionOptions present, VectorCollectionOptions asked)
    {
        if (present.Dimensions == asked.Dimensions && present.Metric == asked.Metric && present.Index == asked.Index
            && present.Shards == asked.Shards && present.Hnsw.Connectivity == asked.Hnsw.Connectivity
            && present.Hnsw.EfConstruction == asked.Hnsw.EfConstruction) return;
        throw new WorkerException(
            ErrorCode.CollectionExists,
            $"collection {id:D} exists with {present.Dimensions} dims, {present.Metric}, {present.Index}, connectivity "
            + $"{present.Hnsw.Connectivity}, ef_construction {present.Hnsw.EfConstruction}, {present.Shards} shards; "
            + $"asked for {asked.Dimensions}, {asked.Metric}, {asked.Index}, {asked.Hnsw.Connectivity}, "
            + $"{asked.Hnsw.EfConstruction}, {asked.Shards}",
            "collection_id");
    }
}
