using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpenTelemetry.Metrics;
using Taishang.Hosting.Health;
using Taishang.Hosting.Logs;
using Taishang.Hosting.Requests;
using Taishang.Hosting.Telemetry;

namespace Taishang.Hosting;

/// <summary>
/// What every host shares: logs, traces, metrics, health, the identity of a request. Three calls, in this order:
/// <c>builder.AddTaishangHosting("taishang")</c>, <c>app.UseTaishangHosting()</c> before every other middleware,
/// <c>app.MapTaishangHosting()</c> beside the other routes.
/// </summary>
public static class HostingSetup
{
    /// <summary>Options are read from `Taishang:Logs` and the OTEL_… environment.</summary>
    /// <param name="builder">The host that is being built.</param>
    /// <param name="serviceName">As it stands in logs and traces: taishang, taishang-core, taishang-ai.</param>
    /// <param name="telemetry">False for the second host of one process: sources and meters belong to the process, and
    /// two collectors would export everything twice.</param>
    public static WebApplicationBuilder AddTaishangHosting(
        this WebApplicationBuilder builder, string serviceName = "taishang", bool telemetry = true)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.AddLogs(serviceName);
        if (telemetry) builder.AddTelemetry(serviceName);
        builder.Services.TryAddSingleton<ReadinessReport>();
        return builder;
    }

    /// <summary>Names each request: X-Request-Id and traceparent on every answer. Before other middleware.</summary>
    public static void UseTaishangHosting(this WebApplication app) => app.UseRequestIdentity();

    /// <summary>Maps <c>/healthz</c>, <c>/readyz</c> and <c>/metrics</c>.</summary>
    public static void MapTaishangHosting(this WebApplication app)
    {
        app.MapHealth();
        if (app.Services.GetService<MeterProvider>() is not null) app.MapMetrics();
    }
}
