using System.Numerics;

namespace Taishang.Core.Gateway.Routes;

/// <summary>Chooses the target of a call: pure, without a lock, a wait or an allocation.</summary>
internal static class TargetChooser
{
    /// <param name="targets">At most 32, those that are fallbacks last.</param>
    /// <param name="strategy">Of the route.</param>
    /// <param name="traits">Of the call.</param>
    /// <param name="passed">A bit for each target that this call has seen.</param>
    /// <param name="nowMs">Of the clock that their health is timed by.</param>
    /// <param name="dice">Of the route.</param>
    /// <returns>The target's place; -1 when there is none.</returns>
    public static int Choose(
        ReadOnlySpan<RouteTarget> targets, RouteStrategy strategy, in CallTraits traits, uint passed, long nowMs,
        RouteDice dice)
    {
        uint open = 0;
        var fallback = -1;
        for (var i = 0; i < targets.Length; i++)
        {
            var target = targets[i];
            if ((passed & (1u << i)) != 0 || !target.Takes(traits) || !target.Health.IsAvailable(nowMs)) continue;
            if (!target.IsFallback) open |= 1u << i;
            else if (fallback < 0) fallback = i;
        }

        if (open == 0) return fallback;
        if (BitOperations.IsPow2(open)) return BitOperations.TrailingZeroCount(open);
        return strategy switch
        {
            RouteStrategy.Weighted => Weighted(targets, open, dice),
            RouteStrategy.RoundRobin => Nth(open, (int)(dice.Turn() % (ulong)BitOperations.PopCount(open))),
            _ => Least(targets, strategy, open, nowMs, dice),
        };
    }

    private static int Weighted(ReadOnlySpan<RouteTarget> targets, uint open, RouteDice dice)
    {
        long sum = 0;
        for (var rest = open; rest != 0; rest &= rest - 1) sum += targets[BitOperations.TrailingZeroCount(rest)].Weight;
        var drawn = dice.Below(sum);
        for (var rest = open; ; rest &= rest - 1)
        {
            var i = BitOperations.TrailingZeroCount(rest);
            drawn -= targets[i].Weight;
            if (drawn < 0) return i;
        }
    }

    /// <summary>Those that are equally good take turns.</summary>
    private static int Least(
        ReadOnlySpan<RouteTarget> targets, RouteStrategy strategy, uint open, long nowMs, RouteDice dice)
    {
        var best = double.PositiveInfinity;
        uint equals = 0;
        for (var rest = open; rest != 0; rest &= rest - 1)
        {
            var i = BitOperations.TrailingZeroCount(rest);
            var value = strategy switch
            {
                RouteStrategy.LeastBusy => targets[i].Health.InFlight,
                RouteStrategy.LowestLatency => Latency(targets[i].Health, nowMs),
                _ => targets[i].ComparedCost,
            };
            if (value > best) continue;
            equals = value < best ? 1u << i : equals | (1u << i);
            best = value;
        }

        return BitOperations.IsPow2(equals)
            ? BitOperations.TrailingZeroCount(equals)
            : Nth(equals, (int)(dice.Turn() % (ulong)BitOperations.PopCount(equals)));
    }

    /// <summary>A target of which nothing is known is asked first, by one call: the others go where it is known to be
    /// quick until that one is back.</summary>
    private static double Latency(TargetHealth health, long nowMs) =>
        health.LatencyMs(nowMs) ?? (health.InFlight == 0 ? -1 : double.MaxValue);

    private static int Nth(uint bits, int n)
    {
        for (; n > 0; n--) bits &= bits - 1;
        return BitOperations.TrailingZeroCount(bits);
    }
}
