namespace Taishang.Core.ServiceCalls;

/// <summary>How calls are recorded and kept: section `Taishang:ServiceCalls`.</summary>
public sealed class ServiceCallOptions
{
    /// <summary>Longest recorded request or response. Characters, 500–20,000.</summary>
    public int RecordedCharsMax { get; set; } = 2_000;

    /// <summary>Calls that wait to be turned into text; more are dropped and counted. 16–100,000.</summary>
    public int QueueCallsMax { get; set; } = 4_096;

    /// <summary>Rows that wait for the database while it is away; more are dropped and counted. 16–1,000,000.</summary>
    public int QueueRowsMax { get; set; } = 10_000;

    /// <summary>Rows written in one transaction. 1–10,000.</summary>
    public int BatchRowsMax { get; set; } = 1_000;

    /// <summary>Longest time a call waits before it is written. Milliseconds, 10–60,000.</summary>
    public int FlushIntervalMs { get; set; } = 500;

    /// <summary>
    /// How long a reader waits for his own calls to arrive in their table; then he reads what is there. Milliseconds,
    /// 0–60,000.
    /// </summary>
    public int ReadWaitMs { get; set; } = 1_000;

    /// <summary>How long a stop waits for a database that is away. Milliseconds, 0–60,000.</summary>
    public int StopFlushMs { get; set; } = 3_000;

    /// <summary>Months kept, this one included; older ones are dropped whole. 0 keeps all. 0–120.</summary>
    public int KeepMonths { get; set; } = 12;

    /// <summary>Longest range of one statistics query. Days, 1–3,660.</summary>
    public int StatsDaysMax { get; set; } = 366;

    /// <summary>Most time buckets of one statistics query. 1–10,000.</summary>
    public int StatsBucketsMax { get; set; } = 1_500;

    /// <summary>Null when every value is in its range, else what is wrong.</summary>
    internal string? Problem() =>
        Outside(RecordedCharsMax, 500, 20_000, nameof(RecordedCharsMax))
        ?? Outside(QueueCallsMax, 16, 100_000, nameof(QueueCallsMax))
        ?? Outside(QueueRowsMax, 16, 1_000_000, nameof(QueueRowsMax))
        ?? Outside(BatchRowsMax, 1, 10_000, nameof(BatchRowsMax))
        ?? Outside(FlushIntervalMs, 10, 60_000, nameof(FlushIntervalMs))
        ?? Outside(ReadWaitMs, 0, 60_000, nameof(ReadWaitMs))
        ?? Outside(StopFlushMs, 0, 60_000, nameof(StopFlushMs))
        ?? Outside(KeepMonths, 0, 120, nameof(KeepMonths))
        ?? Outside(StatsDaysMax, 1, 3_660, nameof(StatsDaysMax))
        ?? Outside(StatsBucketsMax, 1, 10_000, nameof(StatsBucketsMax));

    private static string? Outside(int value, int least, int most, string name) =>
        value >= least && value <= most
            ? null
            : $"Taishang:ServiceCalls:{name}: expected {least} to {most}, came {value}";
}
