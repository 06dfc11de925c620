using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>
/// Takes snapshots of open collections. Writes wait for the moment of pinning alone; copying and hashing go on beside
/// them, and a build or compaction is neither waited for nor held up.
/// </summary>
/// <param name="device">Of the collection.</param>
/// <param name="time">Dates the snapshot.</param>
internal sealed class SnapshotTaker(IStorageDevice device, TimeProvider time)
{
    /// <param name="request">Where to, what to keep beside the rows, and who is told how far it is.</param>
    /// <param name="parts">The collection, or its shards.</param>
    /// <param name="pin">Pins all parts, while none of them takes a write; returns the options of that moment.</param>
    /// <param name="finish">Puts down what the collection has beside its parts.</param>
    /// <param name="cancellation">Leaves nothing.</param>
    public async Task<CollectionSnapshot> TakeAsync(
        SnapshotRequest request, IReadOnlyList<SnapshotPart> parts,
        Func<SnapshotFolder, Task<VectorCollectionOptions>> pin, Func<SnapshotFolder, IEnumerable<string>> finish,
        CancellationToken cancellation)
    {
        using var target = new SnapshotFolder(device, request.Folder);
        try
        {
            var options = await pin(target);
            target.Progress = new CopyProgress(parts.Sum(part => part.Bytes), request.Progress);
            var createdAt = time.GetUtcNow();
            return await Task.Run(
                () =>
                {
                    var entries = new List<SnapshotEntry>();
                    foreach (var part in parts)
                        part.Fill(target, entries, cancellation);
                    entries.AddRange(finish(target).Select(name => target.EntryOf(name, cancellation)));
                    var snapshot = new SnapshotFile
                    {
                        Options = options,
                        LiveRows = parts.Sum(part => part.LiveRows),
                        CreatedAt = createdAt,
                        Note = request.Note,
                        Entries = entries,
                    };
                    snapshot.Save(device, target.Aside);
                    target.Commit();
                    return snapshot.Describe();
                },
                cancellation);
        }
        finally
        {
            foreach (var part in parts)
                part.Dispose();
        }
    }
}

/// <summary>A snapshot to take.</summary>
internal sealed record SnapshotRequest(string Folder, string Note, IProgress<double>? Progress)
{
    /// <exception cref="VectorInputException">The note is too long.</exception>
    /// <exception cref="InvalidOperationException">The folder exists.</exception>
    public void Check()
    {
        RowRules.CheckRange("note", Note.Length, 0, Limits.SnapshotNoteCharactersMax);
        if (Directory.Exists(Folder) || File.Exists(Folder))
            throw new InvalidOperationException($"{Folder} exists already");
    }
}
