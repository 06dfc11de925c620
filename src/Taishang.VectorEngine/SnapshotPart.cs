using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The files of one collection or shard as they are between two commits: pinned by links or open handles, with the
/// length of the log. Then they are brought into the snapshot's folder while everything goes on.
/// </summary>
/// <param name="folder">"" or the shard's folder with a slash, in names.</param>
internal sealed class SnapshotPart(CollectionFiles files, CollectionState state, CommitQueue queue, string folder)
    : IDisposable
{
    /// <summary>A seal may replace the manifest between the look at it and the look at its files. Twice in a row is
    /// rare.</summary>
    private const int PinAttemptsMax = 20;

    private readonly IStorageDevice _device = files.Device;
    private readonly List<PinnedFile> _pinned = [];
    private Manifest? _manifest;

    public long LiveRows { get; private set; }

    /// <summary>Of what was pinned.</summary>
    public long Bytes => _pinned.Sum(file => file.Bytes);

    /// <summary>By the writer, or by who holds its queue.</summary>
    public void Pin(SnapshotFolder target)
    {
        target.Clear(folder);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                _manifest = files.Manifest with { Begun = null };
                foreach (var name in _manifest.Files())
                    _pinned.Add(PinSealed(name, target));
                for (var number = _manifest.FirstLog; number <= queue.Log.Number; number++)
                    _pinned.Add(PinLog(number));
                LiveRows = state.SweepAndPeek().Live;
                return;
            }
            catch (FileNotFoundException) when (attempt < PinAttemptsMax)
            {
                Dispose();
                target.Clear(folder);
            }
        }
    }

    /// <summary>Copies what could not be linked, and adds what each file must be.</summary>
    public void Fill(SnapshotFolder target, List<SnapshotEntry> entries, CancellationToken cancellation)
    {
        foreach (var file in _pinned)
        {
            var hash = file.IsLinked
                ? target.HashOf(target.PathOf(file.Name), file.Bytes, cancellation)
                : target.Copy(file.File, file.Path, file.Name, file.Bytes, cancellation);
            entries.Add(new SnapshotEntry(file.Name, file.Bytes, hash));
        }

        _manifest!.Save(_device, target.PathOf(folder));
        entries.Add(target.EntryOf(folder + Manifest.FileName, cancellation));
    }

    public void Dispose()
    {
        foreach (var file in _pinned)
            file.File.Dispose();
        _pinned.Clear();
    }

    private PinnedFile PinSealed(string name, SnapshotFolder target)
    {
        var path = files.PathOf(name);
        var file = _device.Open(path, writable: false);
        var isLinked = _device.TryLink(path, target.PathOf(folder + name));
        return new PinnedFile(folder + name, path, file, file.Length, isLinked);
    }

    /// <summary>Logs are copied: the last one still grows, and a link would grow with it.</summary>
    private PinnedFile PinLog(long number)
    {
        var path = LogFiles.Path(files.Folder, number);
        var file = _device.Open(path, writable: false);
        var bytes = number == queue.Log.Number ? queue.Log.DurableBytes : file.Length;
        return new PinnedFile(folder + Path.GetFileName(path), path, file, bytes, IsLinked: false);
    }

    private sealed record PinnedFile(string Name, string Path, IStorageFile File, long Bytes, bool IsLinked);
}
