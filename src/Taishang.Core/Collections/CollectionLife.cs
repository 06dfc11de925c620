using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Creating and deleting a collection touches two places, the database and a worker's disk, and must leave them at one
/// after any failure. So the intention to drop is always written before there is something to drop: a creation first
/// writes its own undo, a deletion leaves one behind, and <see cref="CollectionDropWorker"/> carries out what is due.
/// </summary>
internal sealed class CollectionLife(
    CollectionStore store,
    CollectionDropStore drops,
    CollectionDropWorker dropper,
    CollectionLookup lookup,
    IAiClient ai,
    TimeProvider time,
    IOptions<CollectionOptions> options,
    ILogger<CollectionLife> log)
{
    /// <summary>Creates it, or undoes all of it.</summary>
    /// <param name="row">Checked; its id may be of an earlier try of the same request.</param>
    /// <exception cref="ApiException">The name is taken, or no worker could make the place.</exception>
    public Task<Collection> CreateAsync(Collection row, CancellationToken cancellation) =>
        CreateAsync(row, from: null, cancellation);

    /// <summary>As above, with the rows of a snapshot when <paramref name="from"/> names one.</summary>
    public async Task<Collection> CreateAsync(Collection row, SnapshotPlace? from, CancellationToken cancellation)
    {
        var earlier = await store.FindCreatingAsync(row.Id, cancellation);
        if (earlier?.WorkerId is not null) return earlier;
        if (await drops.FindAsync(row.Id, cancellation) is { } undo)
        {
            if (earlier is not null) return await MakePlaceAsync(earlier, undo.WorkerId, from, cancellation);
            // The worker will drop whatever has this id: it is not to be used again, and the name is free for another.
            throw new ApiException(
                ErrorCodes.IdempotencyInProgress, "the first try of this request failed and is being undone");
        }

        var workerId = from?.WorkerId ?? await ai.ChooseWorkerAsync(cancellation);
        var undoAt = row.CreatedAt.AddSeconds(SecondsOf(from));
        await store.BeginCreateAsync(row, workerId, undoAt, cancellation);
        return await MakePlaceAsync(row, workerId, from, cancellation);
    }

    /// <summary>Writes a change; the worker is told first, since telling it again is harmless.</summary>
    /// <param name="old">As it was read.</param>
    /// <param name="changed">As it shall be.</param>
    /// <param name="body">What of it was asked for: the worker hears of nothing else.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <returns>Null when the row changed meanwhile: read it anew and try again.</returns>
    /// <exception cref="ApiException">The worker does not answer, or refuses to pin it: nothing is written.</exception>
    public async Task<Collection?> ChangeAsync(
        Collection old, Collection changed, ChangeCollectionBody body, CancellationToken cancellation)
    {
        if (UpdateOf(changed, body) is { } update)
            await ai.CallAsync(AiCalls.UpdateCollection, update, old.WorkerId, cancellation);
        var written = await store.ChangeAsync(old, changed, cancellation);
        lookup.Forget(old);
        lookup.Forget(changed);
        return written ? changed : null;
    }

    /// <summary>
    /// Gone for every reader when this returns; the worker's disk follows at once or when it is back.
    /// </summary>
    /// <param name="reference">Name, alias or id.</param>
    /// <param name="dropAliases">Its aliases go with it; else a collection that has any stays.</param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">No such collection, or aliases still name it.</exception>
    public async Task DeleteAsync(string reference, bool dropAliases, CancellationToken cancellation)
    {
        var now = Now();
        var row = await store.DeleteAsync(reference, dropAliases, now, cancellation)
            ?? throw CollectionLookup.NotFound(reference);
        lookup.Forget(row);
        try
        {
            await dropper.TryDropAsync(
                new CollectionDrop { CollectionId = row.Id, WorkerId = row.WorkerId ?? "" }, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            log.LogWarning(e, "collection {Collection} is deleted; its worker will drop it later", row.Id);
        }
    }

    /// <summary>The resolution that both databases keep, so that what is answered is what is read later.</summary>
    public DateTimeOffset Now()
    {
        var now = time.GetUtcNow();
        return now.AddTicks(-(now.Ticks % TimeSpan.TicksPerMicrosecond));
    }

    /// <summary>Null when the worker has nothing to hear.</summary>
    private static UpdateCollectionRequest? UpdateOf(Collection changed, ChangeCollectionBody body)
    {
        var update = new UpdateCollectionRequest { CollectionId = changed.Id };
        if (body.Pinned is { } pinned) update.Pinned = pinned;
        if (!body.TtlGiven && body.Params is null) return update.HasPinned ? update : null;
        var parameters = CollectionParams.Parse(changed.Params);
        update.EfSearch = parameters.EfSearch ?? 0;
        update.Nprobe = parameters.Probes ?? 0;
        update.TtlSeconds = changed.TtlSeconds ?? -1;
        return update;
    }

    private int SecondsOf(SnapshotPlace? from) =>
        from is null ? options.Value.CreateSeconds : options.Value.RestoreSeconds;

    private async Task<Collection> MakePlaceAsync(
        Collection row, string workerId, SnapshotPlace? from, CancellationToken cancellation)
    {
        try
        {
            if (from is null)
                await ai.CallAsync(
                    AiCalls.CreateCollection,
                    new CreateCollectionRequest { CollectionId = row.Id, Spec = row.ToSpec() }, workerId, cancellation);
            else
                await ai.CallAsync(
                    AiCalls.RestoreSnapshot,
                    new RestoreSnapshotRequest { CollectionId = row.Id, SnapshotId = from.SnapshotId }, workerId,
                    cancellation);
            if (await store.FinishCreateAsync(row.Id, workerId, cancellation)) return row with { WorkerId = workerId };
        }
        catch
        {
            // Not with the caller's token: it may be the reason why we are here.
            await UndoAsync(row);
            throw;
        }

        throw new ApiException(
            ErrorCodes.AiTimeout, $"the creation took longer than {SecondsOf(from)} s and was undone");
    }

    private async Task UndoAsync(Collection row)
    {
        try
        {
            await store.UndoCreateAsync(row.Id, Now(), CancellationToken.None);
        }
        catch (Exception e)
        {
            log.LogWarning(
                e, "collection {Collection} was not created; its name is free after the undo is due", row.Id);
        }
    }
}
