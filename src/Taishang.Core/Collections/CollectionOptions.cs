using System.ComponentModel.DataAnnotations;

namespace Taishang.Core.Collections;

/// <summary>How collections are kept. Section `Collections`.</summary>
internal sealed class CollectionOptions
{
    /// <summary>How long a search may use a row without asking SQL, in milliseconds: 0–60,000, default 2,000. Changes
    /// made through this process are seen at once.</summary>
    [Range(0, 60_000)]
    public int LookupMilliseconds { get; set; } = 2_000;

    /// <summary>Rows kept for that, 1–100,000, default 1,000.</summary>
    [Range(1, 100_000)]
    public int LookupEntriesMax { get; set; } = 1_000;

    /// <summary>How long GET of one collection waits for its worker's figures, in milliseconds: 10–30,000, default
    /// 1,000. Then it answers without.</summary>
    [Range(10, 30_000)]
    public int StatsMilliseconds { get; set; } = 1_000;

    /// <summary>How long a creation may take before it is undone, in seconds: 5–3,600, default 120.</summary>
    [Range(5, 3_600)]
    public int CreateSeconds { get; set; } = 120;

    /// <summary>How long the restore of a snapshot may take before it is undone, in seconds: 5–86,400, default 21,600.
    /// </summary>
    [Range(5, 86_400)]
    public int RestoreSeconds { get; set; } = 21_600;

    /// <summary>How often dropped collections are looked for that a worker still holds, in seconds: 1–3,600, default
    /// 15.</summary>
    [Range(1, 3_600)]
    public int DropSweepSeconds { get; set; } = 15;

    /// <summary>The longest pause between two tries to drop one, in seconds: 1–86,400, default 600.</summary>
    [Range(1, 86_400)]
    public int DropRetrySecondsMax { get; set; } = 600;
}
