namespace Taishang.VectorEngine.Memory;

/// <summary>
/// Refuses work that would take the process past its memory, in words and before it begins, where the kernel would end
/// the process without any. Loads and builds reserve what they are estimated to need, so that two that begin at once
/// do not both count on the same room. Shared by all collections of a process; may be used from any thread.
/// </summary>
public sealed class MemoryBudget
{
    /// <summary>The rest is for what no estimate counts: stacks, sockets, the garbage collector's slack.</summary>
    private const double ShareOfSystemLimit = 0.95;

    private static readonly TimeSpan ReadingAge = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly Func<long> _readUsed;
    private readonly TimeProvider _time;
    private long _usedBytes;
    private long _readAt;
    private long _reservedBytes;

    /// <summary>Bytes in use when what is reserved now was not yet: work that fills its reservation is not counted
    /// twice.</summary>
    private long _usedBefore;

    /// <param name="limitBytes">What the process may use; null takes 95 % of the smallest limit that a cgroup sets, or
    /// of the machine's memory where none does.</param>
    /// <param name="time">Ages the reading that small requests share.</param>
    public MemoryBudget(long? limitBytes, TimeProvider time)
        : this(new MemoryReadings("/"), limitBytes, time)
    {
    }

    internal MemoryBudget(MemoryReadings readings, long? limitBytes, TimeProvider time)
    {
        var (systemBytes, group) = readings.Limit();
        LimitBytes = limitBytes ?? (long)(systemBytes * ShareOfSystemLimit);
        _readUsed = () => readings.Used(group);
        _time = time;
        _usedBytes = _readUsed();
        _readAt = time.GetTimestamp();
    }

    /// <summary>For tests: a limit and a reading of their own.</summary>
    internal MemoryBudget(long limitBytes, Func<long> readUsed)
    {
        LimitBytes = limitBytes;
        _readUsed = readUsed;
        _time = TimeProvider.System;
    }

    /// <summary>That of the process, as the system limits it.</summary>
    public static MemoryBudget OfProcess { get; } = new(null, TimeProvider.System);

    public long LimitBytes { get; }

    /// <summary>Bytes that running work was promised.</summary>
    public long ReservedBytes
    {
        get
        {
            lock (_lock)
                return _reservedBytes;
        }
    }

    /// <summary>Looks whether there is room for something small and short, by a reading that may be 250 ms old.
    /// </summary>
    /// <param name="bytes">Estimated.</param>
    /// <param name="what">Begins the message: the upsert.</param>
    /// <exception cref="MemoryLimitException">What is needed, used and allowed.</exception>
    public void Require(long bytes, string what)
    {
        lock (_lock)
        {
            if (_time.GetElapsedTime(_readAt) >= ReadingAge)
            {
                _usedBytes = _readUsed();
                _readAt = _time.GetTimestamp();
            }

            ThrowIfAbove(bytes, Committed(_usedBytes), what);
        }
    }

    /// <summary>Takes room for a load or a build until the reservation is disposed.</summary>
    /// <param name="bytes">Estimated.</param>
    /// <param name="what">Begins the message: the index build.</param>
    /// <exception cref="MemoryLimitException">What is needed, used and allowed.</exception>
    public MemoryReservation Reserve(long bytes, string what)
    {
        if (bytes <= 0)
            return new MemoryReservation(this, 0);

        lock (_lock)
        {
            var used = _readUsed();
            ThrowIfAbove(bytes, Committed(used), what);
            if (_reservedBytes == 0)
                _usedBefore = used;
            _reservedBytes += bytes;
            return new MemoryReservation(this, bytes);
        }
    }

    internal void Release(long bytes)
    {
        if (bytes == 0)
            return;

        lock (_lock)
        {
            // What the finished work took, as far as it can be told, stays in use.
            _usedBefore += Math.Clamp(_readUsed() - _usedBefore, 0, bytes);
            _reservedBytes -= bytes;
        }
    }

    /// <summary>Bytes in use once all that was promised is taken.</summary>
    private long Committed(long used) => _reservedBytes == 0 ? used : Math.Max(used, _usedBefore + _reservedBytes);

    private void ThrowIfAbove(long bytes, long committed, string what)
    {
        if (bytes <= LimitBytes - committed)
            return;

        var room = Math.Max(0, LimitBytes - committed);
        var promised = _reservedBytes == 0 ? "" : $", with {Mebibytes(_reservedBytes)} MiB promised to running work";
        throw new MemoryLimitException(
            $"{what} needs about {Mebibytes(bytes)} MiB, the process uses {Mebibytes(committed)} of "
            + $"{Mebibytes(LimitBytes)} MiB{promised}",
            bytes, room, LimitBytes);
    }

    private static long Mebibytes(long bytes) => bytes >> 20;
}

/// <summary>Room that was promised, given back once.</summary>
public sealed class MemoryReservation : IDisposable
{
    private readonly MemoryBudget _budget;
    private long _bytes;

    internal MemoryReservation(MemoryBudget budget, long bytes)
    {
        _budget = budget;
        _bytes = bytes;
    }

    public void Dispose() => _budget.Release(Interlocked.Exchange(ref _bytes, 0));
}
