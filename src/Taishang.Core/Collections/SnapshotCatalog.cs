using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Which snapshots there are. They are asked of the workers that hold them, so that one outlives the collection, and
/// the database too. A worker that is away is not answered for: a list that silently lacks its snapshots would be
/// believed.
/// </summary>
internal sealed class SnapshotCatalog(IAiClient ai)
{
    /// <summary>Newest first; null for those of every collection.</summary>
    /// <exception cref="ApiException">No worker serves, or one does not answer.</exception>
    public async Task<IReadOnlyList<PlacedSnapshot>> ListAsync(string? collectionId, CancellationToken cancellation)
    {
        var request = new ListSnapshotsRequest { CollectionId = collectionId ?? "" };
        var all = await Task.WhenAll(Workers().Select(worker => AskAsync(worker, request, cancellation)));
        return
        [
            .. all.SelectMany(some => some)
                .OrderByDescending(placed => placed.Info.SnapshotId, StringComparer.Ordinal),
        ];
    }

    /// <exception cref="ApiException">No serving worker has it.</exception>
    public async Task<PlacedSnapshot> GetAsync(string id, CancellationToken cancellation)
    {
        if (Data.RowId.TimeOf(id) is null) throw NotFound(id);
        var request = new ListSnapshotsRequest { SnapshotId = id };
        var all = await Task.WhenAll(Workers().Select(worker => AskAsync(worker, request, cancellation)));
        return all.SelectMany(some => some).FirstOrDefault() ?? throw NotFound(id);
    }

    public async Task DeleteAsync(PlacedSnapshot placed, CancellationToken cancellation) => await ai.CallAsync(
        AiCalls.DeleteSnapshot, new DeleteSnapshotRequest { SnapshotId = placed.Info.SnapshotId }, placed.WorkerId,
        cancellation);

    public static ApiException NotFound(string id) => new(
        ErrorCodes.SnapshotNotFound,
        $"{ErrorCodes.SnapshotNotFound.Message}: {(id.Length <= 40 ? id : id[..40] + "…")}");

    private IReadOnlyList<string> Workers() =>
        ai.ServingWorkerIds is { Count: > 0 } ids ? ids : throw new ApiException(ErrorCodes.AiUnavailable);

    private async Task<IEnumerable<PlacedSnapshot>> AskAsync(
        string workerId, ListSnapshotsRequest request, CancellationToken cancellation) =>
        (await ai.CallAsync(AiCalls.ListSnapshots, request, workerId, cancellation)).Snapshots
        .Select(info => new PlacedSnapshot(info, workerId));
}
