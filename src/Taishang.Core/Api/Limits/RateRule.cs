using System.Globalization;

namespace Taishang.Core.Api.Limits;

/// <summary>A limit as buckets use it. Times are nanoseconds, so that ten million tokens a second are still exact.
/// </summary>
internal sealed class RateRule
{
    public const long NanosecondsOfSecond = 1_000_000_000;

    public RateRule(string name, RateLimit limit)
    {
        (IsUnlimited, Burst) = (limit.IsUnlimited, limit.Burst);
        if (IsUnlimited) return;
        // Rounded up: never more than what was set.
        TokenNs = (long)Math.Ceiling(NanosecondsOfSecond / limit.TokensPerSecond);
        Name = $"\"{name}\"";
        Policy = string.Create(
            CultureInfo.InvariantCulture, $"{Name};q={Burst};w={SecondsOf(BurstNs)}");
        BurstText = Burst.ToString(CultureInfo.InvariantCulture);
    }

    public bool IsUnlimited { get; }

    public long Burst { get; }

    /// <summary>In which one token comes back.</summary>
    public long TokenNs { get; }

    /// <summary>In which an empty bucket fills.</summary>
    public long BurstNs => TokenNs * Burst;

    /// <summary>As a header writes it, in quotes.</summary>
    public string Name { get; } = "";

    /// <summary>The value of RateLimit-Policy, which is the same for every answer.</summary>
    public string Policy { get; } = "";

    public string BurstText { get; } = "";

    /// <summary>Whole seconds after which the time has passed, at least one.</summary>
    public static long SecondsOf(long nanoseconds) =>
        Math.Max(1, (nanoseconds + NanosecondsOfSecond - 1) / NanosecondsOfSecond);
}
