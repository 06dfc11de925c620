using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>Snapshots: a collection at one commit, in a folder of its own.</summary>
public sealed partial class VectorCollection
{
    /// <summary>
    /// Puts the collection as it is at one commit into a folder that does not exist yet. Searches and writes go on
    /// meanwhile. A failure or crash in the middle leaves no such folder.
    /// </summary>
    /// <param name="folder">On the same disk, files that never change are shared by links; others are copied.</param>
    /// <param name="note">Kept beside the rows, for the caller's own use; up to 1 MiB of text.</param>
    /// <param name="progress">Told the share that was copied and checked, from the thread that does it.</param>
    /// <param name="cancellation">Ends it between two pieces of a file, and leaves nothing.</param>
    /// <exception cref="InvalidOperationException">The folder exists.</exception>
    /// <exception cref="WriteFailedException">The disk refused.</exception>
    public async Task<CollectionSnapshot> SnapshotAsync(
        string folder, string note, IProgress<double>? progress, CancellationToken cancellation)
    {
        ThrowIfDisposed();
        var request = new SnapshotRequest(folder, note, progress);
        request.Check();
        try
        {
            var part = PartOf("");
            return await new SnapshotTaker(_files.Device, _engine.Time).TakeAsync(
                request, [part],
                async target =>
                {
                    await _queue.RunAloneAsync(() => part.Pin(target), cancellation);
                    return Options;
                },
                _ => [], cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the snapshot could not be written: {exception.Message}", exception);
        }
    }

    /// <summary>This collection as a part of a snapshot.</summary>
    /// <param name="folder">"" or the shard's folder with a slash.</param>
    internal SnapshotPart PartOf(string folder) => new(_files, _state, _queue, folder);

    /// <summary>Whether a folder's name is that of one that a crash left half-made, beside the name it would have got.
    /// </summary>
    public static bool IsHalfMade(string name, out string whole)
    {
        var isHalf = name.EndsWith(SnapshotFolder.AsideSuffix, StringComparison.Ordinal);
        whole = isHalf ? name[..^SnapshotFolder.AsideSuffix.Length] : name;
        return isHalf;
    }

    /// <summary>What a snapshot holds, by its own word; its files are not looked at.</summary>
    /// <exception cref="FileNotFoundException">The folder is no snapshot.</exception>
    /// <exception cref="CorruptDataException">Its list is damaged or of an unknown version.</exception>
    public static CollectionSnapshot ReadSnapshot(string folder)
    {
        RequireSnapshot(DiskDevice.Instance, folder);
        return SnapshotFile.Load(DiskDevice.Instance, folder).Describe();
    }

    /// <summary>Makes a collection of a snapshot, in a folder that does not exist yet; to be opened then.</summary>
    /// <exception cref="FileNotFoundException">There is no such snapshot.</exception>
    /// <exception cref="CorruptDataException">Names the file that is damaged, missing or of an unknown version.
    /// </exception>
    /// <exception cref="InvalidOperationException">The folder exists.</exception>
    /// <exception cref="MemoryLimitException">It would not fit into memory.</exception>
    /// <exception cref="WriteFailedException">The disk refused.</exception>
    public static Task<CollectionSnapshot> RestoreAsync(
        string snapshotFolder, string folder, VectorEngineOptions engine, CancellationToken cancellation) =>
        RestoreAsync(snapshotFolder, folder, engine, progress: null, cancellation);

    /// <summary>The same, telling the share that was copied and checked.</summary>
    public static Task<CollectionSnapshot> RestoreAsync(
        string snapshotFolder, string folder, VectorEngineOptions engine, IProgress<double>? progress,
        CancellationToken cancellation) =>
        RestoreAsync(snapshotFolder, folder, engine, DiskDevice.Instance, cancellation, progress);

    internal static async Task<CollectionSnapshot> RestoreAsync(
        string snapshotFolder,
        string folder,
        VectorEngineOptions engine,
        IStorageDevice device,
        CancellationToken cancellation,
        IProgress<double>? progress = null)
    {
        RequireSnapshot(device, snapshotFolder);
        RequireAbsent(folder);
        try
        {
            return await Task.Run(
                () => new SnapshotRestorer(device, engine).RestoreAsync(snapshotFolder, folder, progress, cancellation),
                cancellation);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WriteFailedException($"the snapshot could not be restored: {exception.Message}", exception);
        }
    }

    private static void RequireAbsent(string folder)
    {
        if (Directory.Exists(folder) || File.Exists(folder))
            throw new InvalidOperationException($"{folder} exists already");
    }

    private static void RequireSnapshot(IStorageDevice device, string folder)
    {
        var path = Path.Combine(folder, SnapshotFile.FileName);
        if (!device.Exists(path))
            throw new FileNotFoundException($"{folder} holds no snapshot", path);
    }
}
