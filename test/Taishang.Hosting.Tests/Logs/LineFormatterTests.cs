using System.Diagnostics;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Time.Testing;
using Taishang.Hosting.Logs;
using Taishang.Hosting.Requests;

namespace Taishang.Hosting.Tests.Logs;

public sealed class LineFormatterTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 8, 15, 2, 417, TimeSpan.Zero));

    [Fact]
    public void A_json_line_carries_time_level_trace_request_and_attributes()
    {
        using var activity = new Activity("test").Start();
        var scopes = new LoggerExternalScopeProvider();
        using var scope = scopes.Push(new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            [RequestIdentity.LogField] = "r-1",
        }.ToList());
        var line = Write(
            new JsonLineFormatter(_time, new LogIdentity("taishang-ai")), scopes,
            logger => logger.LogWarning("opened {Count} of {Name} in {Seconds} s", 3, "a\n\"b\"", double.NaN));

        Assert.EndsWith("}\n", line);
        Assert.Equal(1, line.Count(c => c == '\n'));
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        Assert.Equal("2026-11-22T08:15:02.417Z", root.GetProperty("timestamp").GetString());
        Assert.Equal("warn", root.GetProperty("level").GetString());
        Assert.Equal("taishang-ai", root.GetProperty("service").GetString());
        Assert.Equal("Taishang.Probe", root.GetProperty("logger").GetString());
        Assert.Equal(activity.TraceId.ToHexString(), root.GetProperty("trace_id").GetString());
        Assert.Equal(activity.SpanId.ToHexString(), root.GetProperty("span_id").GetString());
        Assert.Equal("r-1", root.GetProperty("request_id").GetString());
        Assert.Equal(3, root.GetProperty("attributes").GetProperty("Count").GetInt32());
        Assert.Equal("a\n\"b\"", root.GetProperty("attributes").GetProperty("Name").GetString());
        Assert.Equal("NaN", root.GetProperty("attributes").GetProperty("Seconds").GetString());
    }

    [Fact]
    public void A_json_line_keeps_an_exception_apart_and_within_limits()
    {
        var failure = new InvalidOperationException(new string('x', 50_000));
        var line = Write(
            new JsonLineFormatter(_time, new LogIdentity("taishang-ai")), null,
            logger => logger.LogError(failure, "failed"));
        using var json = JsonDocument.Parse(line);
        var exception = json.RootElement.GetProperty("exception");
        Assert.Equal("System.InvalidOperationException", exception.GetProperty("type").GetString());
        Assert.Equal(LogValue.ValueCharsMax + 1, exception.GetProperty("message").GetString()!.Length);
        Assert.False(json.RootElement.TryGetProperty("attributes", out _));
    }

    [Fact]
    public void A_text_line_is_one_line_whatever_the_message_holds()
    {
        var line = Write(
            new TextLineFormatter(_time), null, logger => logger.LogInformation("got {Text}", "a\nb\r\nc"));
        Assert.EndsWith(" info  Probe  got a\\nb\\r\\nc\n", line);
        Assert.Equal(1, line.Count(c => c == '\n'));
    }

    [Fact]
    public void An_unknown_format_is_refused_at_start()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration["Taishang:Logs:Format"] = "xml";
        var refusal = Assert.Throws<Microsoft.Extensions.Options.OptionsValidationException>(
            () => builder.AddTaishangHosting());
        Assert.Contains("expected auto, json or text", refusal.Message);
    }

    private static string Write(ConsoleFormatter formatter, IExternalScopeProvider? scopes, Action<ILogger> log)
    {
        using var writer = new StringWriter();
        log(new FormattingLogger(formatter, scopes, writer));
        return writer.ToString();
    }

    private sealed class FormattingLogger(
        ConsoleFormatter formatter, IExternalScopeProvider? scopes, StringWriter writer) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception,
            Func<TState, Exception?, string> format) =>
            formatter.Write(
                new LogEntry<TState>(logLevel, "Taishang.Probe", eventId, state, exception, format!), scopes, writer);
    }
}
