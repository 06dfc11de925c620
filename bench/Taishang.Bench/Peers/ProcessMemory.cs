namespace Taishang.Bench.Peers;

/// <summary>What a process holds, as Linux counts it, in MB of 10^6 bytes.</summary>
/// <param name="Resident">All its pages in memory (VmRSS), mapped files included.</param>
/// <param name="Anonymous">Those that only the process has (RssAnon).</param>
/// <param name="Mapped">Those that belong to files, which the system may drop and read again (RssFile).</param>
/// <param name="Proportional">All, pages shared with other processes in parts (PSS).</param>
internal readonly record struct ProcessMemory(double Resident, double Anonymous, double Mapped, double Proportional)
{
    public static ProcessMemory Read(int pid)
    {
        var status = ReadFields($"/proc/{pid}/status");
        var maps = ReadFields($"/proc/{pid}/smaps_rollup");
        return new ProcessMemory(
            status.GetValueOrDefault("VmRSS"),
            status.GetValueOrDefault("RssAnon"),
            status.GetValueOrDefault("RssFile"),
            maps.GetValueOrDefault("Pss"));
    }

    public ProcessMemory Less(ProcessMemory other) => new(
        Resident - other.Resident,
        Anonymous - other.Anonymous,
        Mapped - other.Mapped,
        Proportional - other.Proportional);

    private static Dictionary<string, double> ReadFields(string path)
    {
        var fields = new Dictionary<string, double>();
        foreach (var line in File.ReadLines(path))
        {
            var words = line.Split([' ', '\t', ':'], StringSplitOptions.RemoveEmptyEntries);
            if (words is [var name, var value, "kB"])
                fields[name] = double.Parse(value) * 1024 / 1e6;
        }

        return fields;
    }
}
