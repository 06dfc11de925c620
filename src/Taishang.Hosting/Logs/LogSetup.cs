using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;

namespace Taishang.Hosting.Logs;

/// <summary>Replaces the default log providers by one console whose lines are ours.</summary>
internal static class LogSetup
{
    // Below every other source: appsettings, environment and switches still decide.
    private static readonly Dictionary<string, string?> Levels = new(StringComparer.Ordinal)
    {
        ["Logging:LogLevel:Default"] = "Information",
        ["Logging:LogLevel:Microsoft"] = "Warning",
        ["Logging:LogLevel:Microsoft.Hosting.Lifetime"] = "Information",
        ["Logging:LogLevel:System"] = "Warning",
        ["Logging:LogLevel:Grpc"] = "Warning",
    };

    public static void AddLogs(this WebApplicationBuilder builder, string serviceName)
    {
        ((IConfigurationBuilder)builder.Configuration).Sources.Insert(
            0, new MemoryConfigurationSource { InitialData = Levels });
        var options = Read(builder.Configuration);
        builder.Services.AddSingleton(new LogIdentity(serviceName));
        builder.Logging.ClearProviders();
        // An empty builder reads no levels by itself.
        builder.Logging.AddConfiguration(builder.Configuration.GetSection("Logging"));
        // Lines take their trace id from the current activity itself; scopes would only repeat it.
        builder.Logging.Configure(factory => factory.ActivityTrackingOptions = ActivityTrackingOptions.None);
        builder.Logging.AddConsole(console =>
        {
            console.FormatterName = IsJson(options.Format)
                ? JsonLineFormatter.FormatterName
                : TextLineFormatter.FormatterName;
            console.MaxQueueLength = options.QueueLines;
            console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite;
        });
        builder.Logging.AddConsoleFormatter<JsonLineFormatter, ConsoleFormatterOptions>();
        builder.Logging.AddConsoleFormatter<TextLineFormatter, ConsoleFormatterOptions>();
    }

    private static LogOptions Read(IConfiguration configuration)
    {
        var options = configuration.GetSection(LogOptions.Section).Get<LogOptions>() ?? new LogOptions();
        if (options.Format is not ("auto" or "json" or "text"))
            throw Refused($"{LogOptions.Section}:Format is '{options.Format}', expected auto, json or text");
        if (options.QueueLines is < 100 or > 1_000_000)
            throw Refused($"{LogOptions.Section}:QueueLines is {options.QueueLines}, expected 100-1000000");
        return options;
    }

    private static OptionsValidationException Refused(string reason) =>
        new(LogOptions.Section, typeof(LogOptions), [reason]);

    private static bool IsJson(string format) => format == "json" || (format == "auto" && Console.IsOutputRedirected);
}

/// <summary>Who writes: the service's name on every JSON line.</summary>
internal sealed record LogIdentity(string ServiceName);
