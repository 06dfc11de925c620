using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Taishang.Hosting.Telemetry;

/// <summary>
/// OpenTelemetry for every host. Sources and meters named "Taishang.*" are taken in without registration. Traces leave
/// the process only when OTEL_EXPORTER_OTLP_ENDPOINT is set; <c>/metrics</c> is always there.
/// </summary>
internal static class TelemetrySetup
{
    public const string OtlpEndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private const string OurNames = "Taishang.*";
    private const string OurPrefix = "Taishang.";

    /// <summary>Seconds. From a tenth of a millisecond, where an index answers, to ten minutes, where one is built:
    /// the usual boundaries begin at 5 ms, which is where this system ends.</summary>
    internal static readonly double[] SecondsBoundaries =
    [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300,
        600,
    ];

    public static void AddTelemetry(this WebApplicationBuilder builder, string serviceName)
    {
        var version = typeof(TelemetrySetup).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion.Split('+')[0];
        var telemetry = builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService(serviceName, serviceVersion: version))
            .WithMetrics(metrics => metrics
                .AddMeter(OurNames, "System.Runtime")
                .AddMeter("Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel")
                .AddView(BoundariesOf)
                .AddPrometheusExporter());
        if (string.IsNullOrWhiteSpace(builder.Configuration[OtlpEndpointVariable]))
        {
            builder.Services.AddHostedService<TraceContextKeeper>();
            return;
        }

        telemetry.WithTracing(traces => traces
            .AddSource(OurNames, "Npgsql")
            .AddAspNetCoreInstrumentation(options => options.Filter = context => !IsProbe(context.Request.Path.Value))
            .AddGrpcClientInstrumentation()
            .AddOtlpExporter());
        telemetry.WithMetrics(metrics => metrics.AddOtlpExporter());
    }

    public static void MapMetrics(this IEndpointRouteBuilder routes) =>
        routes.MapPrometheusScrapingEndpoint("/metrics").DisableHttpMetrics()
            .WithMetadata(new HttpMethodMetadata([HttpMethods.Get]));

    private static bool IsProbe(string? path) => path is "/healthz" or "/readyz" or "/metrics";

    private static MetricStreamConfiguration? BoundariesOf(Instrument instrument)
    {
        var isOurs = instrument.Meter.Name.StartsWith(OurPrefix, StringComparison.Ordinal)
            || instrument.Name == "http.server.request.duration";
        var isHistogram = instrument.GetType() is { IsGenericType: true } type
            && type.GetGenericTypeDefinition() == typeof(Histogram<>);
        return isOurs && isHistogram && instrument.Unit == "s"
            ? new ExplicitBucketHistogramConfiguration { Boundaries = SecondsBoundaries }
            : null;
    }

    /// <summary>
    /// Without an exporter nobody collects spans, but trace ids must still be made and passed on: logs, call records
    /// and tasks are joined by them. Asking for propagation alone costs a fraction of recording.
    /// </summary>
    private sealed class TraceContextKeeper : IHostedService, IDisposable
    {
        private readonly ActivityListener _listener = new()
        {
            ShouldListenTo = source => source.Name.StartsWith(OurPrefix, StringComparison.Ordinal)
                || source.Name == "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.PropagationData,
        };

        public Task StartAsync(CancellationToken cancellationToken)
        {
            ActivitySource.AddActivityListener(_listener);
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public void Dispose() => _listener.Dispose();
    }
}
