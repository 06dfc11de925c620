namespace Taishang.Bench.Peers;

/// <summary>The figures of one run over one data set.</summary>
internal sealed record DataSetResult(
    string Name, string Machine, string Measured, int Rows, int Dimensions, int Queries, int Rounds)
{
    /// <summary>The share of the machine that other processes took while searches were measured.</summary>
    public required double ShareOfOthers { get; init; }

    public required IReadOnlyList<PeerResult> Peers { get; init; }
}

/// <summary>One peer with one setting.</summary>
internal sealed record PeerResult(string Name, string Library)
{
    public required IReadOnlyList<BuildResult> Builds { get; init; }

    /// <summary>From the start of its process to its first answer, the index read from files that the system has in
    /// memory.</summary>
    public required double FirstAnswerSeconds { get; init; }

    public required MemoryResult Memory { get; init; }

    /// <summary>Medians over the rounds.</summary>
    public required IReadOnlyList<SweepPoint> Points { get; init; }

    public required IReadOnlyList<RecallResult> At { get; init; }
}

/// <param name="Threads">Threads asked for.</param>
/// <param name="Seconds">From rows in memory to a whole index.</param>
/// <param name="CpuSeconds">Time of all threads.</param>
/// <param name="WithRowsSeconds">Ours: with the durable writing of the rows before.</param>
/// <param name="IsReused">Measured in an earlier run.</param>
internal sealed record BuildResult(
    int Threads, double Seconds, double CpuSeconds, double? WithRowsSeconds, bool IsReused);

/// <summary>MB beyond the same process with nothing but its queries.</summary>
/// <param name="Loaded">After the index was read.</param>
/// <param name="Searched">After every query was run at every width.</param>
/// <param name="Touched">After everything mapped was touched; the same as searched where nothing is mapped.</param>
/// <param name="Fixed">What a process takes as soon as it has an index of a few rows and has run every query: code,
/// and what its runtime needs to run it. Part of the figures before.</param>
/// <param name="Empty">The process before, which is subtracted.</param>
internal sealed record MemoryResult(
    ProcessMemory Loaded, ProcessMemory Searched, ProcessMemory Touched, ProcessMemory Fixed, ProcessMemory Empty)
{
    /// <summary>Of the index itself, after every query was run at every width.</summary>
    public double Index => Searched.Resident - Fixed.Resident;
}

/// <param name="Threads">Threads that search.</param>
/// <param name="Width">Candidates kept (ef).</param>
/// <param name="Recall">Share of the true ten nearest.</param>
/// <param name="QueriesPerSecond">By the clock.</param>
/// <param name="CpuMicros">Time of all threads of the process for one query.</param>
internal sealed record SweepPoint(int Threads, int Width, double Recall, double QueriesPerSecond, double CpuMicros);

/// <summary>A peer at one recall, between the two widths beside it; medians over the rounds.</summary>
/// <param name="Threads">Threads that search.</param>
/// <param name="Recall">The recall compared at.</param>
/// <param name="QueriesPerSecond">Null where the recall is not reached.</param>
/// <param name="CpuMicros">The same.</param>
/// <param name="OursOverIt">Our queries a second over this peer's, of the same round.</param>
/// <param name="ItsCpuOverOurs">This peer's CPU time a query over ours, of the same round.</param>
internal sealed record RecallResult(
    int Threads,
    double Recall,
    double? QueriesPerSecond,
    double? CpuMicros,
    double? OursOverIt,
    double? ItsCpuOverOurs);
