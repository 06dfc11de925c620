using System.Diagnostics.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api.Limits;

/// <summary>
/// A token bucket for each caller and group of routes. The defaults stop a runaway loop, not honest load; an operator
/// sets what the machine bears.
/// </summary>
/// <remarks>
/// A caller is its tenant and the key of its token, whatever its address; one without a token is its address. Tokens
/// and tenants are not proven here, so an address may not bring forth ever new ones: those beyond its share are
/// counted as the address itself.
/// </remarks>
internal sealed class RateLimits : IDisposable
{
    public const string MeterName = "Taishang.Core.Api";

    private readonly TimeProvider _time;
    private readonly BucketTable _callers;
    private readonly RateRule _newCallers;
    private readonly RateRule[] _rules;
    private readonly OwnRule[] _ownRules;
    private readonly TokenBucket[] _crowds;
    private readonly bool[] _mayLimit;
    private readonly Meter _meter;
    private readonly Counter<long> _refused;

    public RateLimits(IOptions<ApiOptions> options, TimeProvider time, IMeterFactory meters)
    {
        _time = time;
        var given = options.Value;
        _callers = new BucketTable(given.RateLimitCallersMax);
        _newCallers = new RateRule("new_callers", given.NewCallers);
        // Groups without a limit of their own share nothing either: each caller has a bucket in each.
        _rules = RulesOf(name => given.RateLimits.GetValueOrDefault(name) ?? given.RateLimit);
        _ownRules = [.. given.CallerRateLimits.Select(limit => new OwnRule(limit, RulesOf(_ => limit)))];
        _crowds = [.. _rules.Select(rule => new TokenBucket(rule))];
        _mayLimit =
        [
            .. _rules.Select((rule, i) => !rule.IsUnlimited || Array.Exists(
                _ownRules, own => own.Limit.Group is null || own.Limit.Group == RouteGroups.Names[i])),
        ];
        _meter = meters.Create(MeterName);
        _refused = _meter.CreateCounter<long>(
            "taishang.api.refused", "{request}", "Requests beyond the rate limit of their caller, by group of routes.");
        _meter.CreateObservableGauge(
            "taishang.api.callers", () => _callers.Count, "{bucket}", "Buckets of callers that are kept.");
    }

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var group = RouteGroups.Of(context.Request.Path);
        if (group < 0 || !_mayLimit[group]) return next(context);
        var (rule, take) = Take(context, group);
        if (rule.IsUnlimited) return next(context);
        new RateHeaders(context.Response, rule, take).Announce();
        if (!take.IsRefused) return next(context);
        _refused.Add(1, new KeyValuePair<string, object?>("group", RouteGroups.Names[group]));
        return ErrorResponses.WriteAsync(context, new ApiException(
            ErrorCodes.TooManyRequests,
            $"the caller passed the rate limit of the group of routes {rule.Name}: {rule.Burst} at once, one more in"
            + $" {RateHeaders.SpanText(rule.TokenNs)}",
            retryAfter: TimeSpan.FromSeconds(RateRule.SecondsOf(take.NextNs))));
    }

    public void Dispose() => _meter.Dispose();

    private (RateRule Rule, BucketTake Take) Take(HttpContext context, int group)
    {
        var nowNs = _time.GetElapsedTime(0).Ticks * TimeSpan.NanosecondsPerTick;
        // A name of a tenant that is none is told to its caller by whoever needs it.
        var caller = CallerIdentity.Find(context) ?? CallerIdentity.Nobody;
        var address = CallerKey.AddressOf(context.Connection.RemoteIpAddress);
        var key = CallerKey.Of(group, caller, address);
        while (true)
        {
            var bucket = _callers.Find(key) ?? Admit(ref key, caller, address, nowNs);
            if (bucket.Rule.IsUnlimited) return (bucket.Rule, default);
            var take = bucket.Take(nowNs);
            if (take.Outcome != BucketOutcome.Gone) return (bucket.Rule, take);
            _callers.Remove(key, bucket);
        }
    }

    /// <summary>The bucket of a caller that has none yet.</summary>
    private TokenBucket Admit(ref CallerKey key, CallerIdentity caller, ulong address, long nowNs)
    {
        var group = key.Group;
        var own = OwnRuleOf(group, caller);
        // A key that an operator has named is not made up.
        if (own?.IsOfKey != true && !MayBringForth(key, address, nowNs))
        {
            key = CallerKey.OfAddress(group, address);
            own = OwnRuleOf(group, CallerIdentity.Nobody);
        }

        return _callers.FindOrAdd(key, own?.Rules[group] ?? _rules[group], nowNs) ?? _crowds[group];
    }

    private OwnRule? OwnRuleOf(int group, CallerIdentity caller) =>
        Array.Find(_ownRules, own => own.Limit.Fits(RouteGroups.Names[group], caller));

    /// <summary>The address itself is not made up; a key or a tenant may be.</summary>
    private bool MayBringForth(in CallerKey key, ulong address, long nowNs)
    {
        if (_newCallers.IsUnlimited || key == CallerKey.OfAddress(key.Group, address)) return true;
        var counter = new CallerKey(CallerKey.NewCallers, "", "", address);
        while (_callers.FindOrAdd(counter, _newCallers, nowNs) is { } bucket)
        {
            var take = bucket.Take(nowNs);
            if (take.Outcome != BucketOutcome.Gone) return !take.IsRefused;
            _callers.Remove(counter, bucket);
        }

        return false;
    }

    private static RateRule[] RulesOf(Func<string, RateLimit> limitOf) =>
        [.. RouteGroups.Names.Select(name => new RateRule(name, limitOf(name)))];

    /// <summary>What an operator has set for a caller, by group.</summary>
    private sealed record OwnRule(CallerRateLimit Limit, RateRule[] Rules)
    {
        public bool IsOfKey => Limit.Key is not null;
    }
}
