using System.Globalization;

namespace Taishang.VectorEngine.Memory;

/// <summary>
/// What the system says of this process's memory. The limit is the smallest that a cgroup (version 2 or 1) on the way
/// from the process's own to the root sets, else the machine's memory. Pages of files do not count as used: the system
/// drops them when others need the room.
/// </summary>
/// <param name="root">"/"; tests put a tree of their own here.</param>
internal sealed class MemoryReadings(string root)
{
    private const string MachineFile = "proc/meminfo";
    private const string ProcessFile = "proc/self/status";
    private const string GroupFile = "proc/self/cgroup";

    private static readonly Hierarchy Version2 = new("sys/fs/cgroup", "memory.max", ["anon", "shmem"]);
    private static readonly Hierarchy Version1 = new(
        "sys/fs/cgroup/memory", "memory.limit_in_bytes", ["total_rss", "total_shmem"]);

    /// <summary>The limit in bytes, and the folder of the cgroup that sets it; null for the machine's memory.</summary>
    public (long Bytes, string? GroupFolder) Limit()
    {
        (long Bytes, string? Folder) least = (MachineBytes(), null);
        foreach (var hierarchy in (Hierarchy[])[Version2, Version1])
        {
            foreach (var folder in FoldersOf(hierarchy))
            {
                // "max" is no number, and a version 1 group without a limit states one beyond any machine.
                if (ReadNumber(Path.Combine(folder, hierarchy.LimitFile)) is { } bytes && bytes < least.Bytes)
                    least = (bytes, folder);
            }
        }

        return least;
    }

    /// <summary>Bytes that can not be dropped: of this process, or of the whole group when the limit is the group's and
    /// others live in it too.</summary>
    public long Used(string? groupFolder)
    {
        var own = Sum(Path.Combine(root, ProcessFile), ["RssAnon:", "RssShmem:"], unit: 1 << 10);
        if (own == 0)
            own = Environment.WorkingSet;
        if (groupFolder is null)
            return own;

        var fields = groupFolder.StartsWith(Path.Combine(root, Version1.Folder), StringComparison.Ordinal)
            ? Version1.UsedFields : Version2.UsedFields;
        return Math.Max(own, Sum(Path.Combine(groupFolder, "memory.stat"), fields, unit: 1));
    }

    private long MachineBytes()
    {
        var total = Sum(Path.Combine(root, MachineFile), ["MemTotal:"], unit: 1 << 10);
        return total > 0 ? total : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    /// <summary>The folder of the process's own group and those above it. A container may see its group as the root
    /// under the name that it has outside, so folders that do not exist are passed by.</summary>
    private IEnumerable<string> FoldersOf(Hierarchy hierarchy)
    {
        var top = Path.Combine(root, hierarchy.Folder);
        var own = ReadLines(Path.Combine(root, GroupFile)).Select(hierarchy.PathIn)
            .FirstOrDefault(path => path is not null);
        var below = own?.Trim('/') ?? "";
        while (below.Length > 0)
        {
            yield return Path.Combine(top, below);
            below = Path.GetDirectoryName(below) ?? "";
        }

        yield return top;
    }

    private static long Sum(string path, string[] fields, long unit)
    {
        long sum = 0;
        foreach (var line in ReadLines(path))
        {
            var parts = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length >= 2 && fields.Contains(parts[0], StringComparer.Ordinal)
                && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value))
            {
                sum += value * unit;
            }
        }

        return sum;
    }

    private static long? ReadNumber(string path) =>
        long.TryParse(
            ReadLines(path).FirstOrDefault(), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number > 0
            ? number
            : null;

    private static string[] ReadLines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    /// <summary>Where a version of cgroups says what.</summary>
    private sealed record Hierarchy(string Folder, string LimitFile, string[] UsedFields)
    {
        /// <summary>The group that a line of /proc/self/cgroup names for this version, else null.</summary>
        public string? PathIn(string line)
        {
            var parts = line.Split(':', 3);
            if (parts.Length < 3)
                return null;

            var isMine = ReferenceEquals(this, Version2)
                ? parts[0] == "0" && parts[1].Length == 0
                : parts[1].Split(',').Contains("memory", StringComparer.Ordinal);
            return isMine ? parts[2] : null;
        }
    }
}
