using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Takes snapshots of an open collection. Between two commits the files of the manifest are pinned, by links or open
/// handles, and the length of the log is noted: together they are the collection at that commit. Writes wait for that
/// moment alone; copying and hashing go on beside them, and a build or compaction is neither waited for nor held up.
/// </summary>
internal sealed class SnapshotTaker(CollectionFiles files, CollectionState state, CommitQueue queue, TimeProvider time)
{
    /// <summary>A seal may replace the manifest between the look at it and the look at its files. Twice in a row is
    /// rare.</summary>
    private const int PinAttemptsMax = 20;

    private readonly IStorageDevice _device = files.Device;

    public async Task<CollectionSnapshot> TakeAsync(string folder, string note, CancellationToken cancellation)
    {
        using var target = new SnapshotFolder(_device, folder);
        using var pinned = new Pinned();
        await queue.RunAloneAsync(() => Pin(pinned, target), cancellation);
        return await Task.Run(() => Fill(target, pinned, note, cancellation), cancellation);
    }

    private void Pin(Pinned pinned, SnapshotFolder target)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                pinned.Manifest = files.Manifest;
                foreach (var name in pinned.Manifest.Files())
                    pinned.Files.Add(PinSealed(name, target));
                for (var number = pinned.Manifest.FirstLog; number <= queue.Log.Number; number++)
                    pinned.Files.Add(PinLog(number));
                pinned.LiveRows = state.SweepAndPeek().Live;
                pinned.CreatedAt = time.GetUtcNow();
                return;
            }
            catch (FileNotFoundException) when (attempt < PinAttemptsMax)
            {
                pinned.Clear();
                target.Clear();
            }
        }
    }

    private PinnedFile PinSealed(string name, SnapshotFolder target)
    {
        var path = files.PathOf(name);
        var file = _device.Open(path, writable: false);
        var isLinked = _device.TryLink(path, target.PathOf(name));
        return new PinnedFile(name, path, file, file.Length, isLinked);
    }

    /// <summary>Logs are copied: the last one still grows, and a link would grow with it.</summary>
    private PinnedFile PinLog(long number)
    {
        var path = LogFiles.Path(files.Folder, number);
        var file = _device.Open(path, writable: false);
        var bytes = number == queue.Log.Number ? queue.Log.DurableBytes : file.Length;
        return new PinnedFile(Path.GetFileName(path), path, file, bytes, IsLinked: false);
    }

    private CollectionSnapshot Fill(
        SnapshotFolder target, Pinned pinned, string note, CancellationToken cancellation)
    {
        var entries = new List<SnapshotEntry>();
        foreach (var file in pinned.Files)
        {
            var hash = file.IsLinked
                ? target.HashOf(target.PathOf(file.Name), file.Bytes, cancellation)
                : target.Copy(file.File, file.Path, file.Name, file.Bytes, cancellation);
            entries.Add(new SnapshotEntry(file.Name, file.Bytes, hash));
        }

        pinned.Manifest!.Save(_device, target.Aside);
        var manifestPath = target.PathOf(Manifest.FileName);
        using (var manifest = _device.Open(manifestPath, writable: false))
        {
            entries.Add(new SnapshotEntry(
                Manifest.FileName, manifest.Length, target.HashOf(manifestPath, manifest.Length, cancellation)));
        }

        var snapshot = new SnapshotFile
        {
            Options = pinned.Manifest.Options,
            LiveRows = pinned.LiveRows,
            CreatedAt = pinned.CreatedAt,
            Note = note,
            Entries = entries,
        };
        snapshot.Save(_device, target.Aside);
        target.Commit();
        return snapshot.Describe();
    }

    private sealed record PinnedFile(string Name, string Path, IStorageFile File, long Bytes, bool IsLinked);

    private sealed class Pinned : IDisposable
    {
        public Manifest? Manifest { get; set; }

        public List<PinnedFile> Files { get; } = [];

        public long LiveRows { get; set; }

        public DateTimeOffset CreatedAt { get; set; }

        public void Clear()
        {
            foreach (var file in Files)
                file.File.Dispose();
            Files.Clear();
        }

        public void Dispose() => Clear();
    }
}
