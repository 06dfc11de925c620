using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Rpc;

/// <summary>Snapshots of collections, on this worker's disk.</summary>
internal sealed class SnapshotCalls(SnapshotStore store)
{
    public async Task<SnapshotInfo> CreateAsync(CreateSnapshotRequest request, CancellationToken cancellation)
    {
        var collection = RequestRules.CollectionId(request.CollectionId);
        var id = SnapshotId(request.SnapshotId);
        RequestRules.Range("note_json", request.NoteJson.Length, 0, RpcLimits.SnapshotNoteCharsMax);
        return ToWire(await store.CreateAsync(id, collection, request.NoteJson, cancellation));
    }

    public Task<ListSnapshotsResponse> ListAsync(ListSnapshotsRequest request)
    {
        var response = new ListSnapshotsResponse();
        if (request.SnapshotId.Length > 0)
        {
            var id = SnapshotId(request.SnapshotId);
            response.Progress = store.ProgressOf(id);
            if (store.Find(id) is { } found) response.Snapshots.Add(ToWire(found));
            return Task.FromResult(response);
        }

        Guid? collection =
            request.CollectionId.Length > 0 ? RequestRules.CollectionId(request.CollectionId) : null;
        response.Snapshots.AddRange(store.List(collection).Select(ToWire));
        return Task.FromResult(response);
    }

    public Task<DeleteSnapshotResponse> DeleteAsync(DeleteSnapshotRequest request, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Task.FromResult(new DeleteSnapshotResponse { Existed = store.Delete(SnapshotId(request.SnapshotId)) });
    }

    public async Task<RestoreSnapshotResponse> RestoreAsync(
        RestoreSnapshotRequest request, CancellationToken cancellation)
    {
        var id = SnapshotId(request.SnapshotId);
        var collection = RequestRules.CollectionId(request.CollectionId);
        return new RestoreSnapshotResponse { LiveRows = await store.RestoreAsync(id, collection, cancellation) };
    }

    private static Guid SnapshotId(string text) => RequestRules.Uuid("snapshot_id", text);

    private static SnapshotInfo ToWire(StoredSnapshot stored)
    {
        var wire = new SnapshotInfo { SnapshotId = stored.Id.ToString("D"), Error = stored.Error };
        if (stored.Snapshot is not { } snapshot) return wire;
        wire.CollectionId = stored.CollectionId.ToString("D");
        wire.Spec = CollectionSpecs.ToWire(snapshot.Options);
        wire.LiveRows = snapshot.LiveRows;
        wire.Bytes = snapshot.Bytes;
        wire.CreatedAtMs = snapshot.CreatedAt.ToUnixTimeMilliseconds();
        wire.NoteJson = stored.Note;
        return wire;
    }
}
