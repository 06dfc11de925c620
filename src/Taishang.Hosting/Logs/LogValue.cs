using Microsoft.Extensions.Logging;

namespace Taishang.Hosting.Logs;

/// <summary>Limits and short names that both line formats share.</summary>
internal static class LogValue
{
    /// <summary>One line must stay readable by collectors, which cut at 64 KiB and less.</summary>
    public const int MessageCharsMax = 16_384;
    public const int ValueCharsMax = 4_096;

    public static string Cut(string text, int charsMax) =>
        text.Length <= charsMax ? text : string.Concat(text.AsSpan(0, charsMax), "…");

    public static string LevelName(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "fatal",
    };
}
