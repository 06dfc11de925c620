namespace Taishang.Core.Api;

/// <summary>A token bucket: a request takes a token.</summary>
public class RateLimit
{
    /// <summary>Longest time in which a bucket fills: 30 days.</summary>
    private const double FillSecondsMax = 2_592_000;

    private const int TokensMax = 10_000_000;

    /// <summary>Tokens that come back each second: 0 (no limit) to 10,000,000, default 20,000. May be a fraction.
    /// </summary>
    public double TokensPerSecond { get; set; } = 20_000;

    /// <summary>
    /// Tokens that a rested caller may spend at once: 1–10,000,000, default 40,000; they come back within 30 days.
    /// </summary>
    public int Burst { get; set; } = 40_000;

    internal bool IsUnlimited => TokensPerSecond == 0;

    internal bool IsValid => TokensPerSecond is >= 0 and <= TokensMax && Burst is >= 1 and <= TokensMax
        && (IsUnlimited || Burst / TokensPerSecond <= FillSecondsMax);
}

/// <summary>The limit of callers that fit all that it names.</summary>
public sealed class CallerRateLimit : RateLimit
{
    /// <summary>The first 16 hexadecimal digits of the SHA-256 of a bearer token, or <c>anonymous</c>; null for any.
    /// </summary>
    public string? Key { get; set; }

    /// <summary>As callers name it; null for any.</summary>
    public string? Tenant { get; set; }

    /// <summary>Of routes; null for all, with a bucket in each.</summary>
    public string? Group { get; set; }

    internal bool Fits(string group, CallerIdentity caller) =>
        (Key is null || string.Equals(Key, caller.KeyId, StringComparison.OrdinalIgnoreCase))
        && (Tenant is null || Tenant == caller.Tenant)
        && (Group is null || Group == group);
}
