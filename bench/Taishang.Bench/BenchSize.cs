namespace Taishang.Bench;

/// <summary>How much a run measures.</summary>
/// <param name="Rows">Rows of vector data.</param>
/// <param name="Tasks">Tasks through the queue.</param>
/// <param name="Seconds">Length of each timed part.</param>
internal sealed record BenchSize(int Rows, int Tasks, int Seconds)
{
    /// <summary>Small enough for the gate: it shows that the benchmarks run, not how fast anything is.</summary>
    public static BenchSize Smoke { get; } = new(2_000, 300, 1);

    public int Queries => Math.Min(1_000, Rows);
}
