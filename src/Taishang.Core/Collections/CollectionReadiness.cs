using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Keeps `status` true: `ready` says that an index covers every row, `building` that some are still scanned. Exact
/// scans need no index, so a FLAT collection is ready from the start. docs/decisions/0331 gives the whole rule.
/// </summary>
internal sealed class CollectionReadiness(
    CollectionStore store,
    CollectionLookup lookup,
    IAiClient ai,
    TimeProvider time,
    IOptions<CollectionOptions> options,
    ILogger<CollectionReadiness> log)
{
    /// <summary>
    /// After rows were written: those that no index covers end `ready`, with one statement for all of them.
    /// </summary>
    public async Task AfterUpsertAsync(Collection written, CancellationToken cancellation)
    {
        if (written.IsFlat) return;
        // Read again: a build may have ended while the rows were on their way.
        var row = await lookup.GetAsync(written.Id, cancellation);
        if (row.Status == CollectionStatus.Ready)
            await MoveAsync(row, CollectionStatus.Ready, CollectionStatus.Building, cancellation);
    }

    /// <summary>After a build. Rows written while it ended are not covered, so the worker is asked once more after
    /// the status stands: a row is either seen by that answer, or its writer saw `ready` and ended it.</summary>
    public async Task AfterBuildAsync(Collection row, CancellationToken cancellation)
    {
        await store.SetStatusAsync(row.Id, CollectionStatus.Ready, null, time.GetUtcNow(), cancellation);
        lookup.Forget(row);
        if (row.IsFlat) return;
        var live = await DescribeAsync(row, cancellation);
        if (!Covers(live)) await MoveAsync(row, CollectionStatus.Ready, CollectionStatus.Building, cancellation);
    }

    public async Task AfterFailedBuildAsync(Collection row, string reason, CancellationToken cancellation)
    {
        await store.SetStatusAsync(row.Id, CollectionStatus.Error, reason, time.GetUtcNow(), cancellation);
        lookup.Forget(row);
    }

    /// <summary>Brings the row in line with what its worker just told; returns it as it is then.</summary>
    public async Task<Collection> ReconcileAsync(
        Collection row, DescribeCollectionResponse live, CancellationToken cancellation)
    {
        if (row.IsFlat || row.Status == CollectionStatus.Error) return row;
        if (row.Status == CollectionStatus.Ready && !Covers(live))
        {
            await MoveAsync(row, CollectionStatus.Ready, CollectionStatus.Building, cancellation);
            return await lookup.ReadAsync(row.Id, cancellation);
        }

        if (row.Status != CollectionStatus.Building || live.LiveRows == 0 || !Covers(live)) return row;
        try
        {
            await AfterBuildAsync(row, cancellation);
        }
        catch (ApiException e)
        {
            // The next reading looks again.
            log.LogDebug("collection {Collection} was not looked at twice: {Reason}", row.Id, e.Message);
        }

        return await lookup.ReadAsync(row.Id, cancellation);
    }

    public Task<DescribeCollectionResponse> DescribeAsync(Collection row, CancellationToken cancellation) =>
        ai.CallAsync(
            AiCalls.DescribeCollection, new DescribeCollectionRequest { CollectionId = row.Id }, row.WorkerId,
            cancellation);

    /// <summary>Null when the worker does not answer in time: what core knows is answered without it.</summary>
    public async Task<DescribeCollectionResponse?> TryDescribeAsync(Collection row, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(options.Value.StatsMilliseconds);
        try
        {
            return await DescribeAsync(row, limit.Token);
        }
        catch (ApiException e)
        {
            log.LogDebug("no figures of collection {Collection}: {Reason}", row.Id, e.Message);
            return null;
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private static bool Covers(DescribeCollectionResponse live) => live.IndexedRows >= live.LiveRows;

    private async Task MoveAsync(Collection row, string from, string to, CancellationToken cancellation)
    {
        await store.MoveStatusAsync(row.Id, from, to, time.GetUtcNow(), cancellation);
        lookup.Forget(row);
    }
}
