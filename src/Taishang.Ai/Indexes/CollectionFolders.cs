namespace Taishang.Ai.Indexes;

/// <summary>
/// Where collections lie: <c>vectors/UUID</c>. What is being made is called <c>.new-UUID</c> and what is being thrown
/// away <c>.gone-UUID-n</c>, so that a crash leaves either a whole collection or something that the next start sweeps.
/// </summary>
internal sealed class CollectionFolders(string dataFolder)
{
    private const string MakingPrefix = ".new-";
    private const string GonePrefix = ".gone-";

    private readonly string _root = Path.Combine(dataFolder, "vectors");
    private int _goneCount;

    public string Of(Guid id) => Path.Combine(_root, id.ToString("D"));

    public string Making(Guid id) => Path.Combine(_root, MakingPrefix + id.ToString("D"));

    /// <summary>Every collection on disk. Makes the root folder when it is missing.</summary>
    public IReadOnlyList<Guid> List()
    {
        Directory.CreateDirectory(_root);
        var found = new List<Guid>();
        foreach (var folder in Directory.EnumerateDirectories(_root))
        {
            if (Guid.TryParseExact(Path.GetFileName(folder), "D", out var id)) found.Add(id);
        }

        found.Sort();
        return found;
    }

    /// <summary>Removes what earlier lives left half-made or half-deleted.</summary>
    public int Sweep()
    {
        Directory.CreateDirectory(_root);
        var swept = 0;
        foreach (var folder in Directory.EnumerateDirectories(_root))
        {
            var name = Path.GetFileName(folder);
            if (!name.StartsWith(MakingPrefix, StringComparison.Ordinal)
                && !name.StartsWith(GonePrefix, StringComparison.Ordinal)) continue;
            Directory.Delete(folder, recursive: true);
            swept++;
        }

        return swept;
    }

    /// <summary>Gives a finished collection its name; from here on it exists.</summary>
    public void Publish(Guid id) => DurableFolder.Rename(Making(id), Of(id));

    /// <summary>Removes what a failed creation left. A second failure is left to the next start's sweep.</summary>
    public void Discard(Guid id) => TryDelete(Making(id));

    /// <summary>Takes the collection's name away, durably; false when there is none.</summary>
    /// <param name="id">The collection, closed.</param>
    /// <param name="gone">The folder that is left to delete.</param>
    public bool TakeAway(Guid id, out string gone)
    {
        gone = Path.Combine(_root, $"{GonePrefix}{id:D}-{Interlocked.Increment(ref _goneCount)}");
        if (!Directory.Exists(Of(id))) return false;
        // A leftover of an earlier life that the sweep could not remove must not stop this one.
        if (Directory.Exists(gone)) Directory.Delete(gone, recursive: true);
        DurableFolder.Rename(Of(id), gone);
        return true;
    }

    /// <summary>When the collection was last written to; to pin it is not to write to it.</summary>
    public DateTime WrittenAt(Guid id) => new DirectoryInfo(Of(id))
        .EnumerateFiles("*", SearchOption.AllDirectories).Where(file => file.Name != PinFile.Name)
        .Select(file => file.LastWriteTimeUtc).DefaultIfEmpty().Max();

    public static bool TryDelete(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
