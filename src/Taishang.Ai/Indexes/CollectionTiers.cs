using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Which collections are in memory (hot) and which stand on disk alone (cold). One that nobody used for a while gives
/// its memory back; when the budget or the process's limit does not hold another one, those used longest ago go first.
/// Pinned ones, those that somebody is inside of, and those whose scrolls wait for a page stay; only the process's
/// limit ends scrolls, where nothing else gives it room.
/// </summary>
internal sealed class CollectionTiers(
    CollectionFolders folders, CollectionPins pins, VectorEngineOptions engine, IndexOptions options, AiMetrics metrics,
    TimeProvider time, ILogger<CollectionTiers> logger) : IDisposable
{
    private readonly SemaphoreSlim _loads = new(options.OpenParallelism);

    /// <summary>Reads a collection whose entry says that it is being read, and makes room for it among the others.
    /// Never fails: the entry tells.</summary>
    public async Task LoadAsync(
        CollectionEntry entry, Func<IEnumerable<CollectionEntry>> all, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        try
        {
            await _loads.WaitAsync(cancellation);
            try
            {
                await CoolToBudgetAsync(all, entry);
                var collection = await OpenAsync(entry, all, cancellation);
                foreach (var note in collection.Describe().RecoveryNotes)
                    logger.LogWarning("Collection {CollectionId}: {Note}", entry.Id, note);
                entry.Open(collection);
                metrics.Load(time.GetElapsedTime(started));
            }
            finally
            {
                _loads.Release();
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            entry.Break(new WorkerException(ErrorCode.ShuttingDown, "the worker is stopping"));
        }
        catch (MemoryLimitException e)
        {
            // There may be room for it later, so it is not broken: the next call tries again.
            logger.LogWarning("Collection {CollectionId} stays on disk: {Reason}", entry.Id, e.Message);
            entry.Cool(null, WorkerException.OfMemory(e.Message, e));
        }
        catch (Exception e)
        {
            logger.LogError(e, "Collection {CollectionId} can not be opened", entry.Id);
            entry.Break(FaultOf(e));
        }
    }

    /// <summary>Releases what nobody used for long, and what the budget does not hold.</summary>
    public async Task SweepAsync(Func<IEnumerable<CollectionEntry>> all)
    {
        if (options.ColdAfterSeconds > 0)
        {
            var longest = TimeSpan.FromSeconds(options.ColdAfterSeconds);
            foreach (var entry in Unscrolled(all()).Where(entry => entry.Idle >= longest))
                await TryCoolAsync(entry, "idle");
        }

        await CoolToBudgetAsync(all, null);
    }

    /// <summary>Whether the budget has room for a collection that was not read yet; it gives way to pinned ones.
    /// </summary>
    public bool HasRoom(CollectionEntry entry, IEnumerable<CollectionEntry> all) =>
        options.HotBytesMax == 0 || pins.IsPinned(entry)
        || HotBytes(all) + VectorCollections.EstimateOpenBytes(folders.Of(entry.Id)) <= options.HotBytesMax;

    public void Dispose() => _loads.Dispose();

    private async Task<IVectorCollection> OpenAsync(
        CollectionEntry entry, Func<IEnumerable<CollectionEntry>> all, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await VectorCollections.OpenAsync(folders.Of(entry.Id), engine, cancellation);
            }
            catch (MemoryLimitException)
            {
                if (!await CoolOneAsync(Unscrolled(all()), "room")
                    && !await CoolOneAsync(Candidates(all()), "room"))
                    throw;
            }
        }
    }

    /// <summary>The budget is kept as far as pinned, busy and scrolled ones allow: a collection larger than it can
    /// still be used.</summary>
    private async Task CoolToBudgetAsync(Func<IEnumerable<CollectionEntry>> all, CollectionEntry? next)
    {
        if (options.HotBytesMax == 0) return;
        var neededBytes = next is null ? 0 : VectorCollections.EstimateOpenBytes(folders.Of(next.Id));
        while (HotBytes(all()) + neededBytes > options.HotBytesMax)
        {
            if (!await CoolOneAsync(Unscrolled(all()), "budget")) return;
        }
    }

    private async Task<bool> CoolOneAsync(CollectionEntry[] candidates, string reason)
    {
        foreach (var entry in candidates)
        {
            if (await TryCoolAsync(entry, reason)) return true;
        }

        return false;
    }

    private async Task<bool> TryCoolAsync(CollectionEntry entry, string reason)
    {
        if (entry.TryBeginCool() is not { } collection) return false;
        CollectionDescription? description = null;
        try
        {
            description = ColdOf(collection.Describe());
            await collection.DisposeAsync();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What was acknowledged is on disk; the next load reads it.
            logger.LogWarning(e, "Collection {CollectionId} was not closed cleanly", entry.Id);
        }

        entry.Cool(description);
        metrics.Eviction(reason);
        logger.LogInformation("Collection {CollectionId} is on disk alone now: {Reason}", entry.Id, reason);
        return true;
    }

    private CollectionEntry[] Unscrolled(IEnumerable<CollectionEntry> all) =>
        [.. Candidates(all).Where(entry => !entry.IsBeingScrolled)];

    private CollectionEntry[] Candidates(IEnumerable<CollectionEntry> all) =>
    [
        .. all.Where(entry => entry.State == CollectionState.Open && !pins.IsPinned(entry))
            .Select(entry => (Entry: entry, entry.Idle)).OrderByDescending(pair => pair.Idle)
            .Select(pair => pair.Entry),
    ];

    private static long HotBytes(IEnumerable<CollectionEntry> all) => all.Sum(entry => entry.MemoryBytes);

    private static CollectionDescription ColdOf(CollectionDescription open) => open with
    {
        MemoryBytes = 0,
        MappedBytes = 0,
        Index = open.Index with { CodeBytes = 0, LinkBytes = 0, FloatBytes = 0, FloatMappedBytes = 0 },
    };

    private static WorkerException FaultOf(Exception e) => e switch
    {
        WorkerException known => known,
        CorruptDataException or FileNotFoundException =>
            new WorkerException(ErrorCode.CollectionCorrupt, e.Message, inner: e),
        IOException or UnauthorizedAccessException =>
            new WorkerException(ErrorCode.StorageUnavailable, $"the collection can not be read: {e.Message}", inner: e),
        _ => new WorkerException(
            ErrorCode.CollectionCorrupt, $"the collection can not be read ({e.GetType().Name}): {e.Message}", inner: e),
    };
}
