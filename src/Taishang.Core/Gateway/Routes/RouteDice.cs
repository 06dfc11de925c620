namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// Turns and draws for many threads at once: a counter that each decision moves on, and its value well mixed
/// (splitmix64, Steele, Lea and Flood 2014), so that a seed gives the same sequence again.
/// </summary>
internal sealed class RouteDice(ulong seed)
{
    private ulong _count;

    /// <summary>One after the other.</summary>
    public ulong Turn() => Interlocked.Increment(ref _count) - 1;

    /// <summary>Uniform from 0 to below the bound.</summary>
    public long Below(long bound) => (long)Math.BigMul(Mix(Turn()), (ulong)bound, out _);

    /// <summary>Uniform from 0 to below 1.</summary>
    public double Share() => (Mix(Turn()) >> 11) * (1.0 / (1UL << 53));

    private ulong Mix(ulong turn)
    {
        var z = unchecked(seed + ((turn + 1) * 0x9E3779B97F4A7C15));
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
