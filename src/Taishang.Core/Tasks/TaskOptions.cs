using System.Text.Json;

namespace Taishang.Core.Tasks;

/// <summary>The scheduler: section <c>Tasks</c>. Checked at start; see <see cref="Validate"/>.</summary>
public sealed class TaskOptions
{
    /// <summary>Tasks that this process runs at once. 1–1024.</summary>
    public int Parallelism { get; set; } = 64;

    /// <summary>Tasks taken in one claim. 1–1000.</summary>
    public int ClaimBatch { get; set; } = 256;

    /// <summary>How often the queue is looked at when nothing was signalled. Milliseconds, 10–60,000.</summary>
    public int PollIntervalMs { get; set; } = 250;

    /// <summary>
    /// A worker that has not renewed for so long is dead. Milliseconds, 500–600,000. Renewed three times in it.
    /// </summary>
    public int LeaseMs { get; set; } = 15_000;

    /// <summary>
    /// How often a worker asks whether its tasks should stop, besides signals. Milliseconds, 10–5,000.
    /// </summary>
    public int WishPollMs { get; set; } = 300;

    /// <summary>
    /// How often progress, cost and log of running attempts are written when they changed. Milliseconds, 10–60,000.
    /// </summary>
    public int ProgressIntervalMs { get; set; } = 500;

    /// <summary>Lines of its log that a task keeps, the newest. 1–100,000.</summary>
    public int LogLinesMax { get; set; } = 1_000;

    /// <summary>
    /// Months of tasks kept, this one included; older ones are taken away whole once all in them has ended. 0 (the
    /// default) keeps all. 0–1,200.
    /// </summary>
    public int KeepMonths { get; set; }

    /// <summary>
    /// Where months are written as JSON Lines (gzip) before they are dropped; null drops them without. With several
    /// cores a folder that they share, or each month is in that of the core that took it.
    /// </summary>
    public string? ExportFolder { get; set; }

    /// <summary>
    /// Where plug-ins with executors stand, each a folder of its own; null (the default) loads none. They run with all
    /// that this process may do: whoever can write there is trusted as the process is.
    /// </summary>
    public string? PluginFolder { get; set; }

    /// <summary>How long figures by the minute are kept. Days, 1–3,660.</summary>
    public int FiguresKeepDays { get; set; } = 35;

    /// <summary>
    /// How long a type of tasks of an ai worker is known after it was last seen with it. Days, 1–3,660.
    /// </summary>
    public int TypeKeepDays { get; set; } = 90;

    /// <summary>Streams of tasks that are open at once; more are refused. 1–10,000.</summary>
    public int StreamsMax { get; set; } = 256;

    /// <summary>How often streams look for what happened, while any is open. Milliseconds, 10–5,000.</summary>
    public int StreamPollMs { get; set; } = 200;

    /// <summary>Events kept for readers that are a little slow; all share them. 16–1,000,000.</summary>
    public int StreamBuffer { get; set; } = 4_096;

    /// <summary>A quiet stream says that it is still there. Milliseconds, 10–300,000.</summary>
    public int StreamHeartbeatMs { get; set; } = 15_000;

    /// <summary>A reader that takes nothing for so long is cut off. Milliseconds, 10–300,000.</summary>
    public int StreamWriteMaxMs { get; set; } = 20_000;

    /// <summary>How often dead and hung attempts are looked for. Milliseconds, 10–60,000.</summary>
    public int RescueIntervalMs { get; set; } = 2_000;

    /// <summary>
    /// How long the process that fires schedules and rescues leads without renewing: so long after its death another
    /// takes over. Milliseconds, 200–600,000; more than twice <see cref="LeaderIntervalMs"/>.
    /// </summary>
    public int LeaderLeaseMs { get; set; } = 5_000;

    /// <summary>How often the lead is renewed or asked for, and schedules are looked at. Milliseconds, 10–60,000.
    /// </summary>
    public int LeaderIntervalMs { get; set; } = 1_000;

    /// <summary>How late a schedule with the rule <c>skip</c> still fires. Milliseconds, 0–86,400,000.</summary>
    public int ScheduleGraceMs { get; set; } = 60_000;

    /// <summary>Time after its deadline that an attempt has to let go before it counts as hung. Milliseconds.</summary>
    public int HungGraceMs { get; set; } = 5_000;

    /// <summary>
    /// Time that a stop leaves an executor that parks itself to end its step. Milliseconds, 0–600,000.
    /// </summary>
    public int StopGraceMs { get; set; } = 10_000;

    /// <summary>
    /// Time that running attempts have to finish or park when the process stops, before they are told to let go.
    /// Milliseconds, 0–600,000.
    /// </summary>
    public int ShutdownFinishMs { get; set; } = 1_000;

    /// <summary>
    /// Time that they have after that, before they are given back without having let go. Milliseconds, 0–600,000.
    /// </summary>
    public int ShutdownGraceMs { get; set; } = 5_000;

    /// <summary>How long stop and cancel wait for a running task's worker before they answer. Milliseconds.</summary>
    public int VerbWaitMs { get; set; } = 1_000;

    /// <summary>
    /// Each step of priority counts as so much waiting: a task of priority 0 goes before a new one of priority 9 after
    /// nine of these. Milliseconds, 1,000–86,400,000.
    /// </summary>
    public int PriorityStepMs { get; set; } = 60_000;

    /// <summary>
    /// Live tasks above which new ones are refused: at once for those of this process, and after the next count, every
    /// <see cref="RescueIntervalMs"/>, for those of others. 1 and more.
    /// </summary>
    public long QueueMax { get; set; } = 1_000_000;

    /// <summary>
    /// Tasks that run at once, in every process on this database together. Null for as many as the processes take.
    /// Limits of running tasks are each process's own setting: give all of them the same. 1 and more.
    /// </summary>
    public int? RunningMax { get; set; }

    /// <summary>Its value names whose a task is; one without it is in no tenant's count.</summary>
    public string TenantLabel { get; set; } = "tenant";

    /// <summary>Tasks of one tenant that run at once, in every process; null for no limit. 1 and more.</summary>
    public int? TenantRunningMax { get; set; }

    /// <summary>The same for tenants by name; 0 keeps a tenant's tasks waiting.</summary>
    public Dictionary<string, int> Tenants { get; } = [];

    /// <summary>Cores of this worker that tasks may take by their weights; null for the machine's.</summary>
    public double? CapacityCpu { get; set; }

    /// <summary>
    /// Memory of this worker that tasks may take by their types' weights; null for what the process may use. MiB.
    /// </summary>
    public long? CapacityMemoryMb { get; set; }

    /// <summary>
    /// A task that is too heavy for what is free lets lighter ones go by for so long; after it, what gets free is kept
    /// for it. Milliseconds, 0–3,600,000.
    /// </summary>
    public int HeavyWaitMs { get; set; } = 30_000;

    /// <summary>
    /// True when no other process works on this database, so that attempts found running at the start are dead. Null
    /// (the default): true on SQLite, which one process owns.
    /// </summary>
    public bool? OnlyProcess { get; set; }

    /// <summary>The seed of the jitter of retries; null takes one from the process.</summary>
    public int? Seed { get; set; }

    /// <summary>What holds for types not named in <see cref="Types"/>.</summary>
    public TaskTypeOptions Default { get; set; } = new();

    /// <summary>
    /// By type. Some types bring what suits them (<see cref="TaskTypeDefaults"/>); configuration changes single values.
    /// </summary>
    public Dictionary<string, TaskTypeOptions> Types { get; } = TaskTypeDefaults.Make();

    /// <summary>Whether any limit is set for which what runs must be counted before a claim.</summary>
    internal bool HasLimits =>
        RunningMax is not null || TenantRunningMax is not null || Tenants.Count > 0
        || Types.Values.Append(Default).Any(type => type.RunningMax is not null || !type.Weight.IsZero);

    internal TaskWeight Capacity => new(
        CapacityCpu ?? Environment.ProcessorCount,
        CapacityMemoryMb ?? (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes >> 20));

    internal TaskWeight Weight(string type) => Of(type).Weight;

    internal int? TenantMax(string tenant) => Tenants.TryGetValue(tenant, out var max) ? max : TenantRunningMax;

    /// <summary>Whose a task with these labels is; empty when nobody's.</summary>
    internal string TenantOf(string labelsJson)
    {
        if (labelsJson is "{}" or "") return "";
        using var labels = JsonDocument.Parse(labelsJson);
        return labels.RootElement.TryGetProperty(TenantLabel, out var value) ? value.GetString() ?? "" : "";
    }

    public TaskTypeOptions Of(string type) => Types.GetValueOrDefault(type) ?? Default;

    /// <summary>The first rule that is broken; null when all hold.</summary>
    public string? Validate()
    {
        if (Parallelism is < 1 or > 1024) return $"Tasks:Parallelism: expected 1 to 1024, came {Parallelism}";
        if (ClaimBatch is < 1 or > 1000) return $"Tasks:ClaimBatch: expected 1 to 1000, came {ClaimBatch}";
        if (PollIntervalMs is < 10 or > 60_000)
            return $"Tasks:PollIntervalMs: expected 10 to 60000, came {PollIntervalMs}";
        if (ProgressIntervalMs is < 10 or > 60_000)
            return $"Tasks:ProgressIntervalMs: expected 10 to 60000, came {ProgressIntervalMs}";
        if (LogLinesMax is < 1 or > 100_000) return $"Tasks:LogLinesMax: expected 1 to 100000, came {LogLinesMax}";
        if (KeepMonths is < 0 or > 1_200) return $"Tasks:KeepMonths: expected 0 to 1200, came {KeepMonths}";
        if (FiguresKeepDays is < 1 or > 3_660)
            return $"Tasks:FiguresKeepDays: expected 1 to 3660, came {FiguresKeepDays}";
        if (TypeKeepDays is < 1 or > 3_660)
            return $"Tasks:TypeKeepDays: expected 1 to 3660, came {TypeKeepDays}";
        if (StreamsMax is < 1 or > 10_000) return $"Tasks:StreamsMax: expected 1 to 10000, came {StreamsMax}";
        if (StreamPollMs is < 10 or > 5_000) return $"Tasks:StreamPollMs: expected 10 to 5000, came {StreamPollMs}";
        if (StreamBuffer is < 16 or > 1_000_000)
            return $"Tasks:StreamBuffer: expected 16 to 1000000, came {StreamBuffer}";
        if (StreamHeartbeatMs is < 10 or > 300_000)
            return $"Tasks:StreamHeartbeatMs: expected 10 to 300000, came {StreamHeartbeatMs}";
        if (StreamWriteMaxMs is < 10 or > 300_000)
            return $"Tasks:StreamWriteMaxMs: expected 10 to 300000, came {StreamWriteMaxMs}";
        if (LeaseMs is < 500 or > 600_000) return $"Tasks:LeaseMs: expected 500 to 600000, came {LeaseMs}";
        if (WishPollMs is < 10 or > 5_000) return $"Tasks:WishPollMs: expected 10 to 5000, came {WishPollMs}";
        if (RescueIntervalMs is < 10 or > 60_000)
            return $"Tasks:RescueIntervalMs: expected 10 to 60000, came {RescueIntervalMs}";
        if (LeaderIntervalMs is < 10 or > 60_000)
            return $"Tasks:LeaderIntervalMs: expected 10 to 60000, came {LeaderIntervalMs}";
        if (LeaderLeaseMs is < 200 or > 600_000 || LeaderLeaseMs <= 2 * LeaderIntervalMs)
            return $"Tasks:LeaderLeaseMs: expected 200 to 600000, more than twice the interval, came {LeaderLeaseMs}";
        if (ScheduleGraceMs is < 0 or > 86_400_000)
            return $"Tasks:ScheduleGraceMs: expected 0 to 86400000, came {ScheduleGraceMs}";
        foreach (var (name, value) in new[] { ("StopGraceMs", StopGraceMs), ("ShutdownFinishMs", ShutdownFinishMs),
            ("ShutdownGraceMs", ShutdownGraceMs) })
        {
            if (value is < 0 or > 600_000) return $"Tasks:{name}: expected 0 to 600000, came {value}";
        }

        if (PriorityStepMs is < 1_000 or > 86_400_000)
            return $"Tasks:PriorityStepMs: expected 1000 to 86400000, came {PriorityStepMs}";
        if (RunningMax < 1) return $"Tasks:RunningMax: expected 1 or more, came {RunningMax}";
        if (TenantRunningMax < 1) return $"Tasks:TenantRunningMax: expected 1 or more, came {TenantRunningMax}";
        if (Tenants.Values.Any(max => max < 0)) return "Tasks:Tenants: expected 0 or more for each";
        if (CapacityCpu <= 0) return $"Tasks:CapacityCpu: expected more than 0, came {CapacityCpu}";
        if (CapacityMemoryMb < 1) return $"Tasks:CapacityMemoryMb: expected 1 or more, came {CapacityMemoryMb}";
        if (HeavyWaitMs is < 0 or > 3_600_000)
            return $"Tasks:HeavyWaitMs: expected 0 to 3600000, came {HeavyWaitMs}";
        if (QueueMax < 1) return $"Tasks:QueueMax: expected 1 or more, came {QueueMax}";
        return Types.Append(new("Default", Default)).Select(type => type.Value.Validate(type.Key))
            .FirstOrDefault(broken => broken is not null);
    }
}

/// <summary>Defaults of one task type.</summary>
public sealed class TaskTypeOptions
{
    /// <summary>1–100.</summary>
    public int MaxAttempts { get; set; } = 3;

    /// <summary>Of one attempt. Milliseconds, 1–604,800,000 (a week); default an hour.</summary>
    public long TimeoutMs { get; set; } = 3_600_000;

    /// <summary>The upper bound of the pause after the first failure; doubles with each. Milliseconds.</summary>
    public int BackoffBaseMs { get; set; } = 1_000;

    /// <summary>The pause never exceeds this. Milliseconds.</summary>
    public int BackoffMaxMs { get; set; } = 300_000;

    /// <summary>Tasks of the type that run at once, in every process; null for no limit. 1 and more.</summary>
    public int? RunningMax { get; set; }

    /// <summary>What a task takes of <see cref="TaskOptions.CapacityCpu"/>. Cores, 0 and more.</summary>
    public double Cpu { get; set; }

    /// <summary>What a task takes of <see cref="TaskOptions.CapacityMemoryMb"/>. MiB, 0 and more.</summary>
    public long MemoryMb { get; set; }

    internal TaskWeight Weight => new(Cpu, MemoryMb);

    public string? Validate(string type)
    {
        if (RunningMax < 1) return $"Tasks:{type}:RunningMax: expected 1 or more, came {RunningMax}";
        if (Cpu < 0 || MemoryMb < 0)
            return $"Tasks:{type}: expected Cpu and MemoryMb of 0 or more, came {Cpu} and {MemoryMb}";
        if (MaxAttempts is < 1 or > 100) return $"Tasks:{type}:MaxAttempts: expected 1 to 100, came {MaxAttempts}";
        if (TimeoutMs is < 1 or > NewTask.TimeoutMsMax)
            return $"Tasks:{type}:TimeoutMs: expected 1 to {NewTask.TimeoutMsMax}, came {TimeoutMs}";
        return BackoffBaseMs < 0 || BackoffMaxMs < BackoffBaseMs
            ? $"Tasks:{type}: expected 0 <= BackoffBaseMs <= BackoffMaxMs, came {BackoffBaseMs} and {BackoffMaxMs}"
            : null;
    }
}
