using System.Globalization;
using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// The folder of a collection: its manifest, the names of new files, and the removal of what the manifest no longer
/// names. One caller at a time changes it.
/// </summary>
internal sealed class CollectionFiles(IStorageDevice device, string folder, Manifest manifest)
{
    private const string SegmentPrefix = "segment-";
    private const string TombstonePrefix = "dead-";
    private const string GraphPrefix = "graph-";

    private long _nextFile = manifest.NextFile;
    private Manifest _manifest = manifest;

    public IStorageDevice Device { get; } = device;

    public string Folder { get; } = folder;

    public Manifest Manifest => Volatile.Read(ref _manifest);

    public string PathOf(string name) => Path.Combine(Folder, name);

    public string NewSegment() => NewName(SegmentPrefix);

    public string NewTombstones() => NewName(TombstonePrefix);

    public string NewGraph() => NewName(GraphPrefix);

    /// <summary>Makes a new manifest the one that counts, then removes the files that only the old one named.</summary>
    public void Replace(Manifest next)
    {
        next = next with { NextFile = _nextFile };
        next.Save(Device, Folder);
        Volatile.Write(ref _manifest, next);
        RemoveStrays();
    }

    /// <summary>
    /// Removes files of ours that nothing names: what a crash left aside, what a seal or compaction replaced. To
    /// fail at it is no fault: they are ignored, and the next opening tries again.
    /// </summary>
    public void RemoveStrays()
    {
        var needed = Manifest.Files().ToHashSet(StringComparer.Ordinal);
        foreach (var name in Device.List(Folder))
        {
            if (needed.Contains(name) || !IsStray(name))
                continue;

            try
            {
                Device.Delete(PathOf(name));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                return;
            }
        }
    }

    /// <summary>0 when the file went meanwhile.</summary>
    public long BytesOf(string name)
    {
        try
        {
            return new FileInfo(PathOf(name)).Length;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    public long DiskBytes()
    {
        long bytes = 0;
        foreach (var file in new DirectoryInfo(Folder).EnumerateFiles())
        {
            try
            {
                bytes += file.Length;
            }
            catch (FileNotFoundException)
            {
                // Removed between the listing and the question.
            }
        }

        return bytes;
    }

    private bool IsStray(string name)
    {
        if (LogFiles.TryParse(name, out var number))
            return number < Manifest.FirstLog;

        return name.EndsWith(AsideFile.Suffix, StringComparison.Ordinal)
            || name.StartsWith(SegmentPrefix, StringComparison.Ordinal)
            || name.StartsWith(TombstonePrefix, StringComparison.Ordinal)
            || name.StartsWith(GraphPrefix, StringComparison.Ordinal);
    }

    private string NewName(string prefix) =>
        prefix + (_nextFile++).ToString("D10", CultureInfo.InvariantCulture);
}
