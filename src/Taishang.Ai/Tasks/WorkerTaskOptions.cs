using Microsoft.Extensions.Options;

namespace Taishang.Ai.Tasks;

/// <summary>Tasks that run here; the section `Taishang:Ai:Tasks`. Validated at start.</summary>
internal sealed class WorkerTaskOptions
{
    public const string Section = "Taishang:Ai:Tasks";

    /// <summary>
    /// Where plug-ins with executors stand, each a folder of its own; null (the default) loads none. They run with all
    /// that this process may do: whoever can write there is trusted as the process is.
    /// </summary>
    public string? PluginFolder { get; set; }

    /// <summary>Attempts that run at once, 1–1,024; default 64. More are refused, and core tries them again.</summary>
    public int RunningMax { get; set; } = 64;

    /// <summary>
    /// How long an executor that parks itself may take to end its step when the worker stops, before it is cancelled.
    /// Milliseconds, 0–600,000; default 10,000. The process itself waits as long as `--stop-timeout` says.
    /// </summary>
    public int StopGraceMs { get; set; } = 10_000;

    /// <exception cref="OptionsValidationException">The message names the setting, its range and what came.</exception>
    public void Validate()
    {
        if (RunningMax is < 1 or > 1_024)
            throw new OptionsValidationException(
                Section, typeof(WorkerTaskOptions),
                [$"{Section}:RunningMax: expected 1 to 1024, got {RunningMax}"]);
        if (StopGraceMs is < 0 or > 600_000)
            throw new OptionsValidationException(
                Section, typeof(WorkerTaskOptions),
                [$"{Section}:StopGraceMs: expected 0 to 600000, got {StopGraceMs}"]);
    }
}
