using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Snapshots: every shard and the log of commits at one moment.</summary>
public sealed partial class ShardedCollection
{
    /// <inheritdoc/>
    public async Task<CollectionSnapshot> SnapshotAsync(
        string folder, string note, IProgress<double>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var request = new SnapshotRequest(folder, note, progress);
        request.Check();
        var device = _commits.Device;
        ShardManifest? frozen = null;
        try
        {
            var parts = _shards.Select((shard, i) => shard.PartOf(ShardManifest.NameOf(i) + "/")).ToArray();
            return await new SnapshotTaker(device, _engine.Time).TakeAsync(
                request, parts,
                async target =>
                {
                    await _writes.RunHoldingAsync(
                        () =>
                        {
                            foreach (var part in parts)
                                part.Pin(target);
                            frozen = _commits.Frozen();
                        },
                        cancellation);
                    return frozen!.Options;
                },
                target => ShardCommits.Write(device, target.Aside, frozen!), cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the snapshot could not be written: {exception.Message}", exception);
        }
    }
}
