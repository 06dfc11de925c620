using System.ComponentModel.DataAnnotations;

namespace Taishang.Core.Costs;

/// <summary>Budgets and usage. Section `Costs`.</summary>
internal sealed class CostOptions
{
    /// <summary>How soon a change of a budget through another core counts here, in milliseconds: 50–60,000, default
    /// 1,000.
    /// </summary>
    [Range(50, 60_000)]
    public int BudgetCacheMs { get; set; } = 1_000;

    /// <summary>How often what was used is written, in milliseconds: 10–10,000, default 250. A core that is killed
    /// loses this much of the rows of usage; budgets lose nothing.</summary>
    [Range(10, 10_000)]
    public int FlushMs { get; set; } = 250;

    /// <summary>
    /// How long a core may give no sign of life before the room that it has leased counts as spent, in seconds:
    /// 2–3,600, default 30.
    /// </summary>
    [Range(2, 3_600)]
    public int LeaseSeconds { get; set; } = 30;

    /// <summary>How often leases of dead cores are looked for, in seconds: 1–3,600, default 10.</summary>
    [Range(1, 3_600)]
    public int SweepSeconds { get; set; } = 10;

    /// <summary>Room is leased ahead for at least so many calls: 0 (none) to 10,000, default 8.</summary>
    [Range(0, 10_000)]
    public int BlockCalls { get; set; } = 8;

    /// <summary>Room is leased ahead for what was used in this time, in milliseconds: 0–60,000, default
    /// 1,000.</summary>
    [Range(0, 60_000)]
    public int AheadMs { get; set; } = 1_000;

    /// <summary>Never more is leased ahead than one part in so many of what is left: 2–1,000,000, default 16.</summary>
    [Range(2, 1_000_000)]
    public int BlockShare { get; set; } = 16;

    /// <summary>Room that no call took for so long goes back, in milliseconds: 0–600,000, default 5,000.</summary>
    [Range(0, 600_000)]
    public int IdleMs { get; set; } = 5_000;

    /// <summary>
    /// How long a refusal stands for others that ask for as much, in milliseconds: 0–10,000, default 100. Without it
    /// every refused call would cost a transaction.
    /// </summary>
    [Range(0, 10_000)]
    public int RefusalMs { get; set; } = 100;

    /// <summary>
    /// Rows of usage that this core adds in one hour: 100–1,000,000, default 10,000. Callers choose their tenant's
    /// name; what comes beyond is counted under the tenant and key `(more)`.
    /// </summary>
    [Range(100, 1_000_000)]
    public int UsageRowsPerHourMax { get; set; } = 10_000;

    /// <summary>How long rows of usage and ended periods of budgets are kept, in days: 62–36,500, default
    /// 800.</summary>
    [Range(62, 36_500)]
    public int KeepDays { get; set; } = 800;

    /// <summary>How long a stop may wait for the database, in milliseconds: 100–60,000, default 5,000.</summary>
    [Range(100, 60_000)]
    public int StopFlushMs { get; set; } = 5_000;
}
