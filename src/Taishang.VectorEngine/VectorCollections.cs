using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Makes and opens collections, split or not, as their options or folders say.</summary>
public static class VectorCollections
{
    /// <summary>Makes a new, empty collection in a folder that does not hold one yet.</summary>
    /// <exception cref="VectorInputException">An option is out of its range.</exception>
    /// <exception cref="InvalidOperationException">The folder holds a collection.</exception>
    /// <exception cref="WriteFailedException">The disk refused.</exception>
    public static Task<IVectorCollection> CreateAsync(
        string folder, VectorCollectionOptions options, VectorEngineOptions engine, CancellationToken cancellation) =>
        CreateAsync(folder, options, engine, DiskDevice.Instance, cancellation);

    /// <summary>Opens what was made before, with everything that was acknowledged.</summary>
    /// <exception cref="CorruptDataException">A file is damaged beyond what can be rebuilt from the others.</exception>
    /// <exception cref="FileNotFoundException">The folder holds no collection.</exception>
    /// <exception cref="MemoryLimitException">It would not fit into memory.</exception>
    public static Task<IVectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, CancellationToken cancellation) =>
        OpenAsync(folder, engine, DiskDevice.Instance, cancellation);

    /// <summary>What opening the collection in a folder will take, estimated from the lengths of its files.</summary>
    /// <exception cref="FileNotFoundException">The folder holds no collection.</exception>
    /// <exception cref="CorruptDataException">Its manifest is damaged.</exception>
    public static long EstimateOpenBytes(string folder)
    {
        var device = DiskDevice.Instance;
        if (!device.Exists(Path.Combine(folder, ShardManifest.FileName)))
            return VectorCollection.EstimateOpenBytes(folder);

        var shards = ShardManifest.Load(device, folder).Options.Shards;
        return Enumerable.Range(0, shards)
            .Sum(shard => VectorCollection.EstimateOpenBytes(ShardManifest.FolderOf(folder, shard)));
    }

    internal static async Task<IVectorCollection> CreateAsync(
        string folder, VectorCollectionOptions options, VectorEngineOptions engine, IStorageDevice device,
        CancellationToken cancellation) => options.Shards == 1
        ? await VectorCollection.CreateAsync(folder, options, engine, device, cancellation)
        : await ShardedCollection.CreateAsync(folder, options, engine, device, cancellation);

    internal static async Task<IVectorCollection> OpenAsync(
        string folder, VectorEngineOptions engine, IStorageDevice device, CancellationToken cancellation) =>
        device.Exists(Path.Combine(folder, ShardManifest.FileName))
            ? await ShardedCollection.OpenAsync(folder, engine, device, cancellation)
            : await VectorCollection.OpenAsync(folder, engine, device, cancellation);
}
