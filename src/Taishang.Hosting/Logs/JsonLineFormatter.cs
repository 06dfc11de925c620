using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Taishang.Hosting.Requests;

namespace Taishang.Hosting.Logs;

/// <summary>
/// One JSON object a line: <c>timestamp, level, service, logger, message, trace_id, span_id, request_id, event,
/// attributes, exception</c>. Absent things are left out. The built-in formatter nests the trace ids inside an array
/// of scopes, where no log store finds them without a pipeline of its own; hence this one.
/// </summary>
internal sealed class JsonLineFormatter(TimeProvider time, LogIdentity identity) : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "taishang-json";

    private static readonly JsonWriterOptions WriterOptions = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        SkipValidation = true,
    };

    public override void Write<TState>(
        in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        var message = logEntry.Formatter?.Invoke(logEntry.State, logEntry.Exception);
        if (message is null && logEntry.Exception is null) return;
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, WriterOptions))
        {
            writer.WriteStartObject();
            writer.WriteString("timestamp"u8, time.GetUtcNow().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'"));
            writer.WriteString("level"u8, LogValue.LevelName(logEntry.LogLevel));
            writer.WriteString("service"u8, identity.ServiceName);
            writer.WriteString("logger"u8, logEntry.Category);
            writer.WriteString("message"u8, LogValue.Cut(message ?? "", LogValue.MessageCharsMax));
            WriteTrace(writer);
            if (logEntry.EventId.Name is { Length: > 0 } eventName) writer.WriteString("event"u8, eventName);
            WriteScopes(writer, scopeProvider);
            if (logEntry.State is IReadOnlyList<KeyValuePair<string, object?>> state) WriteAttributes(writer, state);
            if (logEntry.Exception is { } exception) WriteException(writer, exception);
            writer.WriteEndObject();
        }

        textWriter.Write(Encoding.UTF8.GetString(buffer.WrittenSpan));
        textWriter.Write('\n');
    }

    private static void WriteTrace(Utf8JsonWriter writer)
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C } activity) return;
        writer.WriteString("trace_id"u8, activity.TraceId.ToHexString());
        writer.WriteString("span_id"u8, activity.SpanId.ToHexString());
    }

    // Scopes of ours carry a request's or a task's identity; those of the frameworks repeat what stands elsewhere.
    private static void WriteScopes(Utf8JsonWriter writer, IExternalScopeProvider? scopes) =>
        scopes?.ForEachScope(
            static (scope, writer) =>
            {
                if (scope is not IReadOnlyList<KeyValuePair<string, object?>> pairs) return;
                foreach (var (name, value) in pairs)
                {
                    if (name is RequestIdentity.LogField or "task_id" or "collection_id")
                        WriteValue(writer, name, value);
                }
            },
            writer);

    private static void WriteAttributes(Utf8JsonWriter writer, IReadOnlyList<KeyValuePair<string, object?>> state)
    {
        var isOpen = false;
        foreach (var (name, value) in state)
        {
            if (name == "{OriginalFormat}") continue;
            if (!isOpen) writer.WriteStartObject("attributes"u8);
            isOpen = true;
            WriteValue(writer, name, value);
        }

        if (isOpen) writer.WriteEndObject();
    }

    private static void WriteException(Utf8JsonWriter writer, Exception exception)
    {
        writer.WriteStartObject("exception"u8);
        writer.WriteString("type"u8, exception.GetType().FullName);
        writer.WriteString("message"u8, LogValue.Cut(exception.Message, LogValue.ValueCharsMax));
        writer.WriteString("stack"u8, LogValue.Cut(exception.ToString(), LogValue.MessageCharsMax));
        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, string name, object? value)
    {
        writer.WritePropertyName(name);
        switch (value)
        {
            case null: writer.WriteNullValue(); break;
            case bool flag: writer.WriteBooleanValue(flag); break;
            case int number: writer.WriteNumberValue(number); break;
            case long number: writer.WriteNumberValue(number); break;
            // NaN and infinities have no number in JSON.
            case double number when double.IsFinite(number): writer.WriteNumberValue(number); break;
            case float number when float.IsFinite(number): writer.WriteNumberValue(number); break;
            case decimal number: writer.WriteNumberValue(number); break;
            default: writer.WriteStringValue(LogValue.Cut(value.ToString() ?? "", LogValue.ValueCharsMax)); break;
        }
    }
}
