using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Makes a collection of a snapshot. Every file is compared with its length and checksum, and what was made is opened
/// once before it gets its name, so that a restore gives the whole collection or none.
/// </summary>
internal sealed class SnapshotRestorer(IStorageDevice device, VectorEngineOptions engine)
{
    public async Task<CollectionSnapshot> RestoreAsync(
        string source, string folder, IProgress<double>? progress, CancellationToken cancellation)
    {
        var snapshot = SnapshotFile.Load(device, source);
        using var target = new SnapshotFolder(device, folder);
        target.Progress = new CopyProgress(snapshot.Entries.Sum(entry => entry.Bytes), progress);
        foreach (var below in snapshot.Folders())
            target.Clear(below);
        foreach (var entry in snapshot.Entries)
            Bring(entry, source, target, cancellation);
        await TryAsync(target.Aside, snapshot.Options.Shards, cancellation);
        target.Commit();
        return snapshot.Describe();
    }

    private void Bring(SnapshotEntry entry, string source, SnapshotFolder target, CancellationToken cancellation)
    {
        var path = Path.Combine(source, entry.Name);
        if (!device.Exists(path))
            throw new CorruptDataException(path, 0, "a file of the snapshot is missing");

        using var file = device.Open(path, writable: false);
        if (file.Length != entry.Bytes)
        {
            throw new CorruptDataException(
                path, Math.Min(file.Length, entry.Bytes), $"{file.Length} bytes, the snapshot says {entry.Bytes}");
        }

        // Logs are written on, and a manifest is small: neither may be shared with the snapshot.
        var name = Path.GetFileName(entry.Name);
        var isShared = !LogFiles.TryParse(name, out _) && name is not (Manifest.FileName or ShardManifest.FileName)
            && device.TryLink(path, target.PathOf(entry.Name));
        var hash = isShared
            ? target.HashOf(path, entry.Bytes, cancellation)
            : target.Copy(file, path, entry.Name, entry.Bytes, cancellation);
        if (hash != entry.Hash)
            throw new CorruptDataException(path, 0, "the content does not match the snapshot's checksum");
    }

    private async Task TryAsync(string folder, int shards, CancellationToken cancellation)
    {
        if (shards > 1)
        {
            await (await ShardedCollection.OpenAsync(folder, engine, device, cancellation)).DisposeAsync();
            return;
        }

        // Without the work that an open collection begins behind its calls.
        var opened = new CollectionOpener(device, folder, engine).Open(cancellation);
        opened.State.Close();
        opened.Log.Dispose();
    }
}
