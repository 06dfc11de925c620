using System.Globalization;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Indexes;

/// <summary>
/// Refuses work that would take the process past its memory, in words, before the kernel ends it without any. The
/// limit is the container's where there is one (cgroup 2 or 1), else the machine's.
/// </summary>
internal sealed class MemoryGuard(IndexOptions options, TimeProvider time)
{
    private const double ShareOfMachine = 0.95;
    private static readonly TimeSpan ReadingAge = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly long _limitBytes =
        options.MemoryBytesMax > 0 ? options.MemoryBytesMax : (long)(ShareOfMachine * MachineBytes());

    private long _usedBytes = Environment.WorkingSet;
    private long _readAt = time.GetTimestamp();

    public long LimitBytes => _limitBytes;

    /// <exception cref="WorkerException">INSUFFICIENT_MEMORY: what is needed, used and allowed.</exception>
    public void Require(long bytes, string what)
    {
        var used = UsedBytes();
        if (used + bytes <= _limitBytes) return;
        throw new WorkerException(
            ErrorCode.InsufficientMemory,
            $"{what} needs about {Megabytes(bytes)} MiB, the process uses {Megabytes(used)} of "
            + $"{Megabytes(_limitBytes)} MiB")
        {
            RetryAfter = TimeSpan.FromSeconds(5),
        };
    }

    // Reading costs a file of /proc, so small upserts share one reading.
    private long UsedBytes()
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_readAt) < ReadingAge) return _usedBytes;
            _readAt = time.GetTimestamp();
            return _usedBytes = Environment.WorkingSet;
        }
    }

    private static long Megabytes(long bytes) => bytes >> 20;

    private static long MachineBytes()
    {
        // A container's own view shows its limit at the root; "max" and absurd numbers mean no limit.
        string[] limits = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
        var machine = MemoryTotalBytes();
        foreach (var path in limits)
        {
            if (ReadNumber(path) is { } limit && limit > 0 && limit < machine) return limit;
        }

        return machine;
    }

    private static long MemoryTotalBytes()
    {
        const string Total = "MemTotal:";
        try
        {
            var line = File.ReadLines("/proc/meminfo")
                .FirstOrDefault(line => line.StartsWith(Total, StringComparison.Ordinal));
            if (line is not null)
            {
                var kilobytes = line.AsSpan(Total.Length).Trim().TrimEnd("kB").Trim();
                if (long.TryParse(kilobytes, NumberStyles.None, null, out var value)) return value << 10;
            }
        }
        catch (IOException)
        {
            // No such file on this system: the runtime's own figure is next best.
        }

        return GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
    }

    private static long? ReadNumber(string path)
    {
        try
        {
            return long.TryParse(File.ReadAllText(path).AsSpan().Trim(), out var number) ? number : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
