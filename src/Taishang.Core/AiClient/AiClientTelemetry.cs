using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Taishang.Core.ServiceCalls;

namespace Taishang.Core.AiClient;

/// <summary>Spans and metrics of the calls to ai.</summary>
internal sealed class AiClientTelemetry : IDisposable
{
    public const string Name = "Taishang.Core.AiClient";

    public static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _retries;

    public AiClientTelemetry(IMeterFactory meters, WorkerPool pool)
    {
        _meter = meters.Create(Name);
        _duration = _meter.CreateHistogram<double>(
            "taishang.ai_client.call.duration", "s", "Time of one attempt of a call to ai.");
        _retries = _meter.CreateCounter<long>(
            "taishang.ai_client.call.retries", "{attempt}", "Attempts beyond the first.");
        _meter.CreateObservableGauge(
            "taishang.ai_client.workers.serving", () => pool.Connections.Count(connection => connection.Serves(null)),
            "{worker}", "Addresses behind which a worker serves.");
    }

    /// <summary>A span of the call, under the request that caused it; null when nobody listens.</summary>
    public static Activity? Start(CallMethod method)
    {
        var activity = Source.StartActivity(method.SpanName, ActivityKind.Client);
        if (activity is { IsAllDataRequested: true })
        {
            activity.SetTag("rpc.system", "grpc");
            activity.SetTag("rpc.service", "taishang.ai.v1.AiService");
            activity.SetTag("rpc.method", method.Name);
        }

        return activity;
    }

    /// <summary>W3C trace context of the current span as metadata; null without one.</summary>
    public static Metadata? TraceMetadata()
    {
        if (Activity.Current is not { IdFormat: ActivityIdFormat.W3C, Id: { } id } current) return null;
        var metadata = new Metadata { { "traceparent", id } };
        if (!string.IsNullOrEmpty(current.TraceStateString)) metadata.Add("tracestate", current.TraceStateString);
        return metadata;
    }

    public void Attempted(CallMethod method, CallStatus status, TimeSpan duration) =>
        _duration.Record(
            duration.TotalSeconds,
            new KeyValuePair<string, object?>("rpc.method", method.Name),
            new KeyValuePair<string, object?>("status", status.Text()));

    public void Retried(CallMethod method) =>
        _retries.Add(1, new KeyValuePair<string, object?>("rpc.method", method.Name));

    public void Dispose() => _meter.Dispose();
}
