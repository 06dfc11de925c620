using System.IO.Hashing;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// A folder that is filled aside and takes its name in one step: a crash in the middle leaves what the next attempt, or
/// the caller's sweep, removes. Files that never change are shared by links where the disk can, else copied.
/// </summary>
internal sealed class SnapshotFolder : IDisposable
{
    public const string AsideSuffix = ".new";

    private const int PieceBytes = 1 << 20;

    private readonly IStorageDevice _device;
    private readonly string _folder;
    private bool _isDone;

    /// <exception cref="IOException">The disk refused.</exception>
    public SnapshotFolder(IStorageDevice device, string folder)
    {
        _device = device;
        _folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        Aside = _folder + AsideSuffix;
        Clear("");
    }

    /// <summary>Is told of every piece that was read.</summary>
    public CopyProgress? Progress { get; set; }

    /// <summary>Where files are put before <see cref="Commit"/>.</summary>
    public string Aside { get; }

    public string PathOf(string name) => Path.Combine(Aside, name);

    /// <summary>Makes a folder below, "" for the whole, without what was put there so far.</summary>
    public void Clear(string folder)
    {
        var path = PathOf(folder);
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        Directory.CreateDirectory(path);
    }

    /// <summary>What a file that was put must be.</summary>
    public SnapshotEntry EntryOf(string name, CancellationToken cancellation)
    {
        long bytes;
        using (var file = _device.Open(PathOf(name), writable: false))
            bytes = file.Length;
        return new SnapshotEntry(name, bytes, HashOf(PathOf(name), bytes, cancellation));
    }

    /// <summary>Copies the first bytes of an open file and returns their hash.</summary>
    public string Copy(IStorageFile source, string sourcePath, string name, long bytes, CancellationToken cancellation)
    {
        using var target = _device.Create(PathOf(name));
        var hash = Hash(source, sourcePath, bytes, target, cancellation);
        target.Sync();
        return hash;
    }

    /// <summary>The hash of the first bytes of a file.</summary>
    public string HashOf(string path, long bytes, CancellationToken cancellation)
    {
        using var file = _device.Open(path, writable: false);
        return Hash(file, path, bytes, null, cancellation);
    }

    /// <summary>Everything put is durable under the folder's name when this returns.</summary>
    public void Commit()
    {
        foreach (var folder in Directory.EnumerateDirectories(Aside))
            _device.SyncFolder(folder);
        _device.SyncFolder(Aside);
        _device.RenameFolder(Aside, _folder);
        _isDone = true;
        _device.SyncFolder(Path.GetDirectoryName(_folder) ?? ".");
    }

    public void Dispose()
    {
        if (_isDone)
            return;

        try
        {
            Directory.Delete(Aside, recursive: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // What is left aside counts for nothing.
        }
    }

    private string Hash(
        IStorageFile source, string path, long bytes, IStorageFile? target, CancellationToken cancellation)
    {
        var hash = new XxHash128();
        var piece = new byte[PieceBytes];
        for (long at = 0; at < bytes;)
        {
            cancellation.ThrowIfCancellationRequested();
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - at));
            if (source.Read(at, part) != part.Length)
                throw new CorruptDataException(path, at, $"the file ends before its {bytes} bytes");

            hash.Append(part);
            target?.Write(at, part);
            at += part.Length;
            Progress?.Add(part.Length);
        }

        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }
}
