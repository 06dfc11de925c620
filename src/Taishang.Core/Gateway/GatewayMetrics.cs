using System.Diagnostics.Metrics;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway;

/// <summary>What passes through to models, by route, target and outcome.</summary>
internal sealed class GatewayMetrics : IDisposable
{
    public const string MeterName = "Taishang.Core.Gateway";

    private readonly Meter _meter;
    private readonly Counter<long> _tries;
    private readonly Counter<long> _refused;
    private readonly Counter<long> _shadows;
    private readonly Counter<long> _lookups;
    private readonly Histogram<double> _durations;
    private readonly Histogram<double> _overheads;

    public GatewayMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(MeterName);
        _tries = _meter.CreateCounter<long>("taishang.gateway.tries", "{try}", "Tries at targets, by outcome.");
        _refused = _meter.CreateCounter<long>(
            "taishang.gateway.refused", "{call}", "Calls for which there was no target, or none left.");
        _shadows = _meter.CreateCounter<long>("taishang.gateway.shadows", "{call}", "Calls to shadows, by outcome.");
        _lookups = _meter.CreateCounter<long>(
            "taishang.gateway.cache.lookups", "{lookup}", "Look-ups in caches, by cache and hit or miss.");
        _durations = _meter.CreateHistogram<double>(
            "taishang.gateway.target.duration", "s", "Time of a try that succeeded.");
        _overheads = _meter.CreateHistogram<double>(
            "taishang.gateway.target.overhead", "s", "Time of a try less what the model itself took, where it says.");
    }

    /// <summary>A size that is read when figures are collected.</summary>
    public void Watch(string cache, Func<long> bytes) => _meter.CreateObservableGauge(
        "taishang.gateway.cache.size",
        () => new Measurement<long>(bytes(), new KeyValuePair<string, object?>("cache", cache)), "By",
        "What a cache holds.");

    public void Tried(ModelCall call, CallStep step, Exception? e) => _tries.Add(
        1, Tag("route", call.Route?.Name ?? ""), Tag("target", step.Target),
        Tag("outcome", e is null ? "ok" : Outcome(e)));

    public void Answered(ModelCall call, CallStep step, double elapsedMs, double modelMs)
    {
        var route = Tag("route", call.Route?.Name ?? "");
        var target = Tag("target", step.Target);
        _durations.Record(elapsedMs / 1000, route, target);
        if (modelMs > 0) _overheads.Record(Math.Max(0, elapsedMs - modelMs) / 1000, route, target);
    }

    public void Refused(ModelCall call, ApiException why) =>
        _refused.Add(1, Tag("route", call.Route?.Name ?? ""), Tag("outcome", why.Code.Name));

    public void Shadowed(string route, string outcome) =>
        _shadows.Add(1, Tag("route", route), Tag("outcome", outcome));

    public void LookedUp(string cache, int hits, int misses)
    {
        if (hits > 0) _lookups.Add(hits, Tag("cache", cache), Tag("result", "hit"));
        if (misses > 0) _lookups.Add(misses, Tag("cache", cache), Tag("result", "miss"));
    }

    public void Dispose() => _meter.Dispose();

    private static string Outcome(Exception e) =>
        e is OperationCanceledException ? ErrorCodes.Cancelled.Name : ErrorResponses.ToApi(e).Code.Name;

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);
}
