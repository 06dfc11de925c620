using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Taishang.Hosting.Logs;

/// <summary>
/// One line for people: <c>08:15:02.417 info  Ai.Indexes  opened 3 collections  [4bf92f35]</c>, the last part being
/// the start of the trace id. An exception follows on indented lines.
/// </summary>
internal sealed class TextLineFormatter(TimeProvider time) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "taishang-text";

    private const string Prefix = "Taishang.";
    private const int TraceCharsShown = 8;

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter?.Invoke(logEntry.State, logEntry.Exception);
        if (message is null && logEntry.Exception is null) return;
        var category = logEntry.Category.StartsWith(Prefix, StringComparison.Ordinal)
            ? logEntry.Category[Prefix.Length..]
            : logEntry.Category;
        textWriter.Write(time.GetLocalNow().ToString("HH:mm:ss.fff"));
        textWriter.Write(' ');
        textWriter.Write(LogValue.LevelName(logEntry.LogLevel).PadRight(5));
        textWriter.Write(' ');
        textWriter.Write(category);
        textWriter.Write("  ");
        textWriter.Write(OneLine(LogValue.Cut(message ?? "", LogValue.MessageCharsMax)));
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity)
        {
            textWriter.Write("  [");
            textWriter.Write(activity.TraceId.ToHexString().AsSpan(0, TraceCharsShown));
            textWriter.Write(']');
        }

        textWriter.Write('\n');
        if (logEntry.Exception is null) return;
        foreach (var line in LogValue.Cut(logEntry.Exception.ToString(), LogValue.MessageCharsMax).EnumerateLines())
        {
            textWriter.Write("    ");
            textWriter.Write(line);
            textWriter.Write('\n');
        }
    }

    // A caller's text inside a message must not look like a line of its own.
    private static string OneLine(string text) =>
        text.AsSpan().ContainsAny('\n', '\r')
            ? text.Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)
            : text;
}
