namespace Taishang.Core.Gateway.Routes;

/// <summary>
/// How one target of a route fares in this process. After enough failures within a window it is left alone for a
/// while; then one call, and no other beside it, is let through as a probe, and what becomes of it decides.
/// </summary>
/// <remarks>
/// Read on each decision without a lock; a failure takes the lock. Times are milliseconds of a clock that only grows.
/// </remarks>
internal sealed class TargetHealth(RouteCooldown rule)
{
    /// <summary>A latency that nobody has seen for so long is no longer believed.</summary>
    private const long LatencyMemoryMs = 60_000;

    /// <summary>Part of a new sample in the average.</summary>
    private const double LatencyShare = 0.2;

    private readonly Lock _gate = new();
    private readonly long[] _failures = new long[rule.Errors];
    private int _failureCount;
    private long _openUntilMs;
    private long _heldUntilMs;
    private int _probing;
    private int _inFlight;
    private double _latencyMs;
    private long _latencyAtMs = long.MinValue / 2;

    public int InFlight => Volatile.Read(ref _inFlight);

    /// <summary>Whether a call may be sent now.</summary>
    public bool IsAvailable(long nowMs)
    {
        if (nowMs < Volatile.Read(ref _heldUntilMs)) return false;
        var open = Volatile.Read(ref _openUntilMs);
        return open == 0 || (nowMs >= open && Volatile.Read(ref _probing) == 0);
    }

    /// <summary>It asked to be left alone, and is well otherwise.</summary>
    public bool IsHeld(long nowMs) => nowMs < Volatile.Read(ref _heldUntilMs) && Volatile.Read(ref _openUntilMs) == 0;

    /// <summary>When it can be available again at the earliest, in milliseconds from now.</summary>
    public long AvailableInMs(long nowMs) => Math.Max(
        0, Math.Max(Volatile.Read(ref _heldUntilMs), Volatile.Read(ref _openUntilMs)) - nowMs);

    /// <summary>Average of late; null where nothing is known, or not any more.</summary>
    public double? LatencyMs(long nowMs) =>
        nowMs - Volatile.Read(ref _latencyAtMs) <= LatencyMemoryMs ? Volatile.Read(ref _latencyMs) : null;

    /// <summary>Begins a call. What is not refused must be ended by one of the four methods below.</summary>
    public HealthEntry Enter(long nowMs)
    {
        var entry = HealthEntry.Normal;
        var open = Volatile.Read(ref _openUntilMs);
        if (open != 0)
        {
            if (nowMs < open || Interlocked.CompareExchange(ref _probing, 1, 0) != 0) return HealthEntry.Refused;
            entry = HealthEntry.Probe;
        }

        Interlocked.Increment(ref _inFlight);
        return entry;
    }

    public void Succeeded(HealthEntry entry, long nowMs, double elapsedMs)
    {
        lock (_gate)
        {
            var known = nowMs - _latencyAtMs <= LatencyMemoryMs;
            Volatile.Write(
                ref _latencyMs, known ? (_latencyMs * (1 - LatencyShare)) + (elapsedMs * LatencyShare) : elapsedMs);
            Volatile.Write(ref _latencyAtMs, nowMs);
            if (entry == HealthEntry.Probe) Close();
        }

        Leave(entry);
    }

    public void Failed(HealthEntry entry, long nowMs)
    {
        lock (_gate)
        {
            _failures[_failureCount++ % _failures.Length] = nowMs;
            // Once the ring is full, its next place holds the first of the last failures.
            var many = _failureCount >= _failures.Length
                && nowMs - _failures[_failureCount % _failures.Length] <= rule.WindowMs;
            // Calls that began before it was opened may fail after: they do not put the probe off.
            if (entry == HealthEntry.Probe || (many && _openUntilMs == 0))
                Volatile.Write(ref _openUntilMs, Math.Max(1, nowMs + rule.CooldownMs));
        }

        Leave(entry);
    }

    /// <summary>It answered, with how long it wants to be left alone: that is no failure.</summary>
    public void Limited(HealthEntry entry, long nowMs, TimeSpan wait)
    {
        lock (_gate)
        {
            var until = nowMs + (long)wait.TotalMilliseconds;
            if (until > _heldUntilMs) Volatile.Write(ref _heldUntilMs, until);
            if (entry == HealthEntry.Probe) Close();
        }

        Leave(entry);
    }

    /// <summary>Ends a call that said nothing of the target.</summary>
    public void Leave(HealthEntry entry)
    {
        Interlocked.Decrement(ref _inFlight);
        if (entry == HealthEntry.Probe) Volatile.Write(ref _probing, 0);
    }

    public TargetView View(string target, long nowMs)
    {
        var open = Volatile.Read(ref _openUntilMs);
        var state = Volatile.Read(ref _probing) != 0 ? "probing"
            : open > nowMs ? "cooling"
            : IsHeld(nowMs) ? "limited" : "ready";
        var wait = AvailableInMs(nowMs);
        return new TargetView(target, state, InFlight, LatencyMs(nowMs), wait > 0 ? wait : null);
    }

    private void Close()
    {
        _failureCount = 0;
        Volatile.Write(ref _openUntilMs, 0);
    }
}

/// <summary>How a call was let to a target.</summary>
internal enum HealthEntry
{
    Refused,
    Normal,

    /// <summary>The one call by which a target that was left alone shows whether it is well.</summary>
    Probe,
}
