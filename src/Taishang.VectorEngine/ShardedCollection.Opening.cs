using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Making and opening.</summary>
public sealed partial class ShardedCollection
{
    internal static async Task<ShardedCollection> CreateAsync(
        string folder, VectorCollectionOptions options, VectorEngineOptions engine, IStorageDevice device,
        CancellationToken cancellation)
    {
        RowRules.CheckOptions(options);
        if (device.Exists(Path.Combine(folder, ShardManifest.FileName)))
            throw new InvalidOperationException($"{folder} holds a collection already");

        Directory.CreateDirectory(folder);
        return await HoldAsync(folder, options.Shards, async (taken, shards) =>
        {
            for (var i = 0; i < shards.Length; i++)
            {
                shards[i] = await VectorCollection.CreateAsync(
                    ShardManifest.FolderOf(folder, i), options with { Shards = 1, OrderByFloats = true },
                    engine, device, cancellation);
            }

            try
            {
                var commits = ShardCommits.Create(device, folder, engine.SyncBeforeAcknowledge, options);
                return new ShardedCollection(taken, shards, commits, engine);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new WriteFailedException($"the collection could not be made in {folder}", exception);
            }
        });
    }

    internal static async Task<ShardedCollection> OpenAsync(
        string folder, VectorEngineOptions engine, IStorageDevice device, CancellationToken cancellation)
    {
        if (!device.Exists(Path.Combine(folder, ShardManifest.FileName)))
        {
            throw new FileNotFoundException(
                $"{folder} holds no collection of shards", Path.Combine(folder, ShardManifest.FileName));
        }

        var count = ShardManifest.Load(device, folder).Options.Shards;
        return await HoldAsync(folder, count, async (taken, shards) =>
        {
            var commits = ShardCommits.Open(device, folder, engine.SyncBeforeAcknowledge, cancellation);
            try
            {
                var parts = new ShardParts(commits.IsWhole);
                for (var i = 0; i < shards.Length; i++)
                {
                    shards[i] = await VectorCollection.OpenShardAsync(
                        ShardManifest.FolderOf(folder, i), engine, device, parts, cancellation);
                }

                commits.Skip(parts.Highest);
                return new ShardedCollection(taken, shards, commits, engine);
            }
            catch
            {
                commits.Dispose();
                throw;
            }
        });
    }

    /// <summary>Opens under the folder's lock; when it fails, shards that were opened are closed again.</summary>
    private static async Task<ShardedCollection> HoldAsync(
        string folder, int count, Func<FolderLock, VectorCollection[], Task<ShardedCollection>> open)
    {
        var shards = new VectorCollection[count];
        var taken = FolderLock.Hold(folder, taken => taken);
        try
        {
            return await open(taken, shards);
        }
        catch
        {
            foreach (var shard in shards)
            {
                if (shard is not null)
                    await shard.DisposeAsync();
            }

            taken.Dispose();
            throw;
        }
    }
}
