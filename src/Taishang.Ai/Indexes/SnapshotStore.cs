using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>A snapshot as this worker keeps it.</summary>
/// <param name="Id">Chosen by core.</param>
/// <param name="CollectionId">Of the collection that it was taken of, which may be gone.</param>
/// <param name="Note">Core's own words.</param>
/// <param name="Snapshot">Null when it can not be read.</param>
/// <param name="Error">Why not.</param>
internal sealed record StoredSnapshot(
    Guid Id, Guid CollectionId, string Note, CollectionSnapshot? Snapshot, string Error = "");

/// <summary>Snapshots of this worker's collections. One thing at a time happens to one snapshot.</summary>
internal sealed class SnapshotStore(
    SnapshotFolders folders, CollectionStore collections, CallGates gates, IndexOptions options,
    ILogger<SnapshotStore> logger)
{
    private readonly ConcurrentDictionary<Guid, Work> _busy = new();

    /// <summary>Takes it, or finds it taken.</summary>
    /// <exception cref="WorkerException">SNAPSHOT_LIMIT, or the collection or the disk refuses.</exception>
    public async Task<StoredSnapshot> CreateAsync(
        Guid id, Guid collectionId, string note, CancellationToken cancellation)
    {
        using var place = await gates.Snapshots.EnterAsync(cancellation);
        using var hold = Hold(id);
        if (folders.Exists(id)) return Read(id);
        RequireRoom(collectionId);
        using var lease = await collections.EnterAsync(collectionId, cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation, lease.Closing);
        var kept = JsonSerializer.Serialize(new Note(collectionId, note));
        try
        {
            var taken = await lease.Collection.SnapshotAsync(folders.Of(id), kept, hold.Work, stop.Token);
            return new StoredSnapshot(id, collectionId, note, taken);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw CollectionEntry.NotFound(collectionId);
        }
    }

    /// <summary>Newest first; null for all.</summary>
    public IReadOnlyList<StoredSnapshot> List(Guid? collectionId) =>
    [
        .. folders.List().Select(Read)
            .Where(stored => collectionId is null || stored.CollectionId == collectionId),
    ];

    /// <summary>The share that is done of what happens to a snapshot; 0 when nothing does.</summary>
    public double ProgressOf(Guid id) => _busy.TryGetValue(id, out var work) ? work.Share : 0;

    public StoredSnapshot? Find(Guid id) => folders.Exists(id) ? Read(id) : null;

    public bool Delete(Guid id)
    {
        using var hold = Hold(id);
        return folders.Delete(id);
    }

    /// <summary>Makes a collection of it; returns its rows.</summary>
    /// <exception cref="WorkerException">SNAPSHOT_NOT_FOUND, SNAPSHOT_CORRUPT, or the disk or memory refuses.
    /// </exception>
    public async Task<long> RestoreAsync(Guid id, Guid collectionId, CancellationToken cancellation)
    {
        using var place = await gates.Snapshots.EnterAsync(cancellation);
        using var hold = Hold(id);
        if (!folders.Exists(id)) throw NotFound(id);
        try
        {
            return await collections.RestoreAsync(collectionId, folders.Of(id), hold.Work, cancellation);
        }
        catch (Exception e) when (e is CorruptDataException or FileNotFoundException)
        {
            logger.LogError(e, "Snapshot {SnapshotId} can not be restored", id);
            throw new WorkerException(ErrorCode.SnapshotCorrupt, e.Message, "snapshot_id", e);
        }
    }

    public static WorkerException NotFound(Guid id) => new(
        ErrorCode.SnapshotNotFound, $"this worker has no snapshot {id:D}", "snapshot_id");

    private void RequireRoom(Guid collectionId)
    {
        var count = List(collectionId).Count;
        if (count >= options.SnapshotsPerCollectionMax)
            throw new WorkerException(
                ErrorCode.SnapshotLimit,
                $"the collection has {count} snapshots, as many as it may: delete one first", "collection_id");
    }

    private StoredSnapshot Read(Guid id)
    {
        try
        {
            var snapshot = VectorCollection.ReadSnapshot(folders.Of(id));
            var note = JsonSerializer.Deserialize<Note>(snapshot.Note)!;
            return new StoredSnapshot(id, note.CollectionId, note.Text, snapshot);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CorruptDataException
            or JsonException)
        {
            return new StoredSnapshot(id, Guid.Empty, "", null, e.Message);
        }
    }

    /// <summary>Refuses a second caller of one snapshot while the first is at it.</summary>
    private Held Hold(Guid id)
    {
        var held = new Held(_busy, id, new Work());
        return _busy.TryAdd(id, held.Work) ? held : throw new WorkerException(
            ErrorCode.Overloaded, $"snapshot {id:D} is being taken, restored or deleted", "snapshot_id")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    private sealed record Note(Guid CollectionId, string Text);

    private sealed class Held(ConcurrentDictionary<Guid, Work> busy, Guid id, Work work) : IDisposable
    {
        public Work Work => work;

        public void Dispose() => busy.TryRemove(id, out _);
    }

    /// <summary>How far a snapshot or restore is, for who asks.</summary>
    private sealed class Work : IProgress<double>
    {
        private double _share;

        public double Share => Volatile.Read(ref _share);

        public void Report(double value) => Volatile.Write(ref _share, value);
    }
}
