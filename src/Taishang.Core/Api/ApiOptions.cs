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

    /// <summary>Requests of one client in one group of routes, when the group has no limit of its own.</summary>
    public RateLimit RateLimit { get; set; } = new();

    /// <summary>
    /// Limits by group: the path's first segment after <c>/api/taishang/</c>, such as <c>vectors</c> or <c>tasks</c>.
    /// </summary>
    public Dictionary<string, RateLimit> RateLimits { get; set; } = [];
}

/// <summary>A token bucket.</summary>
public sealed class RateLimit
{
    /// <summary>Tokens that come back each second: 0 (no limit) to 10,000,000, default 20,000.</summary>
    public int TokensPerSecond { get; set; } = 20_000;

    /// <summary>Tokens that a rested client may spend at once: 1–10,000,000, default 40,000.</summary>
    public int Burst { get; set; } = 40_000;

    internal bool IsValid => TokensPerSecond is >= 0 and <= TokensMax && Burst is >= 1 and <= TokensMax;

    private const int TokensMax = 10_000_000;
}
