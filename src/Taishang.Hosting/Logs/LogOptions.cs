namespace Taishang.Hosting.Logs;

/// <summary>How log lines look; the section `Taishang:Logs`. Levels are set in `Logging:LogLevel`.</summary>
public sealed class LogOptions
{
    public const string Section = "Taishang:Logs";

    /// <summary>auto, json or text. auto writes text to a terminal and JSON everywhere else. Default auto.</summary>
    public string Format { get; set; } = "auto";

    /// <summary>Lines that may wait for a slow standard output before new ones are dropped and counted.
    /// 100–1,000,000, default 10,000: a reader that stands still must not stop the server.</summary>
    public int QueueLines { get; set; } = 10_000;
}
