using System.Collections.Concurrent;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Vectors;

/// <summary>Snapshots of the worker in memory: its rows copied.</summary>
internal sealed partial class FakeWorker
{
    private readonly ConcurrentDictionary<string, (SnapshotInfo Info, Place Place)> _snapshots = new();

    /// <summary>Called before a restore makes its collection; throws to play a worker that fails.</summary>
    public Action? BeforeRestore { get; set; }

    private void ServeSnapshots()
    {
        Ai.On(AiCalls.CreateSnapshot, request =>
        {
            var place = Get(request.CollectionId);
            var info = new SnapshotInfo
            {
                SnapshotId = request.SnapshotId,
                CollectionId = request.CollectionId,
                Spec = place.Spec,
                LiveRows = place.Rows.Count,
                Bytes = 4096,
                CreatedAtMs = 1_790_000_000_000,
                NoteJson = request.NoteJson,
            };
            return _snapshots.GetOrAdd(request.SnapshotId, _ => (info, place.Copy())).Info;
        });
        Ai.On(AiCalls.ListSnapshots, request => new ListSnapshotsResponse
        {
            Snapshots =
            {
                _snapshots.Values.Select(kept => kept.Info).Where(info =>
                    (request.CollectionId.Length == 0 || info.CollectionId == request.CollectionId)
                    && (request.SnapshotId.Length == 0 || info.SnapshotId == request.SnapshotId)),
            },
        });
        Ai.On(AiCalls.DeleteSnapshot, request =>
            new DeleteSnapshotResponse { Existed = _snapshots.TryRemove(request.SnapshotId, out _) });
        Ai.On(AiCalls.RestoreSnapshot, request =>
        {
            BeforeRestore?.Invoke();
            if (!_snapshots.TryGetValue(request.SnapshotId, out var kept))
                throw new ApiException(ErrorCodes.SnapshotNotFound);
            var place = _places.GetOrAdd(request.CollectionId, _ => kept.Place.Copy());
            return new RestoreSnapshotResponse { LiveRows = place.Rows.Count };
        });
    }
}
