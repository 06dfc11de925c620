using System.Diagnostics;

namespace Taishang.Bench.Peers;

/// <summary>How much of the machine's time processes take that are no part of the comparison: what tells whether
/// figures by the clock can be believed.</summary>
internal sealed class MachineLoad
{
    /// <summary>Of the clock that /proc/stat counts in, always so many in a second for programs.</summary>
    private const double TicksPerSecond = 100;

    private readonly double _busyBefore = BusySeconds();
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>The share of all cores since this object was made, less what the comparison took itself.</summary>
    public double ShareOfOthers(double ownCpuSeconds)
    {
        var others = BusySeconds() - _busyBefore - ownCpuSeconds;
        return Math.Clamp(others / (_watch.Elapsed.TotalSeconds * Environment.ProcessorCount), 0, 1);
    }

    private static double BusySeconds()
    {
        if (!OperatingSystem.IsLinux())
            return 0;

        // cpu user nice system idle iowait irq softirq steal ...: all but the two that wait.
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(double.Parse).ToArray();
        return (ticks.Sum() - ticks[3] - ticks[4]) / TicksPerSecond;
    }
}
