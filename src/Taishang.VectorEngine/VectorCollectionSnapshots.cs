namespace Taishang.VectorEngine;

/// <summary>Snapshots of every collection.</summary>
public static class VectorCollectionSnapshots
{
    /// <summary>Puts the collection as it is at one commit into a folder, telling nobody how far it is.</summary>
    public static Task<CollectionSnapshot> SnapshotAsync(
        this IVectorCollection collection, string folder, string note, CancellationToken cancellation) =>
        collection.SnapshotAsync(folder, note, progress: null, cancellation);
}
