namespace Taishang.Core.Api.Limits;

/// <summary>
/// A token bucket in one number, the time at which it is full again (as the generic cell rate algorithm of ATM keeps
/// it): a request moves that time on by one token, and is refused when it would come to lie further ahead than a whole
/// bucket takes to fill. Nothing refills it, so an idle bucket costs nothing, and requests of one caller meet in one
/// compare-and-swap.
/// </summary>
internal sealed class TokenBucket(RateRule rule)
{
    /// <summary>Of a bucket that is out of its table: whoever still holds it must look for another.</summary>
    private const long Dropped = long.MaxValue;

    private long _fullAtNs = long.MinValue;

    public RateRule Rule { get; } = rule;

    /// <summary>Takes a token, if there is one.</summary>
    /// <param name="nowNs">Of a clock that only grows.</param>
    public BucketTake Take(long nowNs)
    {
        while (true)
        {
            var fullAt = Volatile.Read(ref _fullAtNs);
            if (fullAt == Dropped) return BucketTake.Gone;
            var missing = Math.Max(fullAt, nowNs) - nowNs;
            var after = missing + Rule.TokenNs;
            if (after > Rule.BurstNs) return new BucketTake(BucketOutcome.Refused, 0, after - Rule.BurstNs, missing);
            if (Interlocked.CompareExchange(ref _fullAtNs, nowNs + after, fullAt) != fullAt) continue;
            var remaining = (Rule.BurstNs - after) / Rule.TokenNs;
            var untilNext = after + ((remaining + 1) * Rule.TokenNs) - Rule.BurstNs;
            return new BucketTake(BucketOutcome.Admitted, remaining, untilNext, after);
        }
    }

    /// <summary>Ends a bucket that is full: its caller loses nothing by it, and gains nothing by a new one.</summary>
    public bool TryDrop(long nowNs)
    {
        var fullAt = Volatile.Read(ref _fullAtNs);
        return fullAt != Dropped && fullAt <= nowNs
            && Interlocked.CompareExchange(ref _fullAtNs, Dropped, fullAt) == fullAt;
    }
}

internal enum BucketOutcome
{
    Admitted,
    Refused,

    /// <summary>The bucket is out of its table.</summary>
    Gone,
}

/// <summary>What came of asking for a token.</summary>
/// <param name="Outcome">Whether there was one.</param>
/// <param name="Remaining">Whole tokens that are left.</param>
/// <param name="NextNs">Until there is one more than that.</param>
/// <param name="FullNs">Until there are all.</param>
internal readonly record struct BucketTake(BucketOutcome Outcome, long Remaining, long NextNs, long FullNs)
{
    public static BucketTake Gone { get; } = new(BucketOutcome.Gone, 0, 0, 0);

    public bool IsRefused => Outcome == BucketOutcome.Refused;
}
