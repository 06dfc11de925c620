using Taishang.VectorEngine;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Where snapshots lie: a folder each, named by its id. What is being made or thrown away has a longer name, and is
/// removed at the next start.
/// </summary>
internal sealed class SnapshotFolders(string root)
{
    private const string GonePrefix = ".gone-";

    private int _goneCount;

    public string Of(Guid id) => Path.Combine(root, id.ToString("D"));

    public bool Exists(Guid id) => Directory.Exists(Of(id));

    /// <summary>Newest first: ids begin with their time.</summary>
    public IReadOnlyList<Guid> List()
    {
        Directory.CreateDirectory(root);
        var found = new List<Guid>();
        foreach (var folder in Directory.EnumerateDirectories(root))
        {
            if (Guid.TryParseExact(Path.GetFileName(folder), "D", out var id)) found.Add(id);
        }

        found.Sort((a, b) => b.CompareTo(a));
        return found;
    }

    /// <summary>Removes what earlier lives left half-made or half-deleted, and nothing else.</summary>
    public void Sweep()
    {
        Directory.CreateDirectory(root);
        foreach (var folder in Directory.EnumerateDirectories(root))
        {
            var name = Path.GetFileName(folder);
            var isHalf = VectorCollection.IsHalfMade(name, out var whole) && Guid.TryParseExact(whole, "D", out _);
            if (isHalf || name.StartsWith(GonePrefix, StringComparison.Ordinal))
                CollectionFolders.TryDelete(folder);
        }
    }

    /// <summary>False when there is none.</summary>
    public bool Delete(Guid id)
    {
        if (!Exists(id)) return false;
        var gone = Path.Combine(root, $"{GonePrefix}{id:D}-{Interlocked.Increment(ref _goneCount)}");
        if (Directory.Exists(gone)) Directory.Delete(gone, recursive: true);
        DurableFolder.Rename(Of(id), gone);
        CollectionFolders.TryDelete(gone);
        return true;
    }
}
