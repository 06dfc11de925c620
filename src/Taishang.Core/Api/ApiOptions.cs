using System.ComponentModel.DataAnnotations;

namespace Taishang.Core.Api;

/// <summary>What every route keeps to. Section `Api`.</summary>
public sealed class ApiOptions
{
    /// <summary>Largest request body, in bytes: 1 KiB to 1 GiB, default 64 MiB. Above it the answer is 413.</summary>
    [Range(1024, 1 << 30)]
    public int BodyBytesMax { get; set; } = 64 << 20;

    /// <summary>How long an answer is kept under its Idempotency-Key, in hours: 1–720, default 24.</summary>
    [Range(1, 720)]
    public int IdempotencyHours { get; set; } = 24;

    /// <summary>
    /// How long a request may hold its Idempotency-Key, in seconds: 10–600, default 120. A request that has not ended
    /// five seconds before is cancelled; a key whose process died is free again after it.
    /// </summary>
    [Range(10, 600)]
    public int IdempotencyLeaseSeconds { get; set; } = 120;

    /// <summary>How often expired keys are deleted, in minutes: 1–1440, default 10.</summary>
    [Range(1, 1440)]
    public int IdempotencySweepMinutes { get; set; } = 10;

    /// <summary>Requests of one caller in one group of routes, when the group has no limit of its own.</summary>
    public RateLimit RateLimit { get; set; } = new();

    /// <summary>
    /// Limits by group: <c>v1</c>, or the path's first segment after <c>/api/taishang/</c>, such as <c>vectors</c> or
    /// <c>tasks</c>; <c>other</c> for paths that lead nowhere.
    /// </summary>
    public Dictionary<string, RateLimit> RateLimits { get; set; } = [];

    /// <summary>Limits of single callers, before those of their groups: the first that fits. At most 1,000.</summary>
    public List<CallerRateLimit> CallerRateLimits { get; set; } = [];

    /// <summary>
    /// Callers with a bucket of their own in each group, at once: 100–10,000,000, default 100,000, at some 200 bytes
    /// each. Those that come when so many are busy share one bucket.
    /// </summary>
    [Range(100, 10_000_000)]
    public int RateLimitCallersMax { get; set; } = 100_000;

    /// <summary>
    /// How fast one address may bring forth keys and tenants that have no bucket yet, since whoever likes can make them
    /// up. Those beyond share the bucket of the address. Default 100 a second after a first 10,000; 0 is no limit.
    /// </summary>
    public RateLimit NewCallers { get; set; } = new() { TokensPerSecond = 100, Burst = 10_000 };

    /// <summary>
    /// Networks, as CIDR, of proxies whose <c>X-Forwarded-For</c> is believed. Default none: the address of whoever
    /// is connected counts.
    /// </summary>
    public List<string> TrustedProxies { get; set; } = [];
}
