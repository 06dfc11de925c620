using System.Threading.RateLimiting;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Indexes;

/// <summary>
/// So many calls at once, so many waiting, the next refused: overload is an answer, no slow death. Who is refused is
/// told to come again when the queue that he found will have gone through, by what calls took of late.
/// </summary>
/// <param name="what">Plural, for the message: searches.</param>
/// <param name="callsMax">Calls that run at once.</param>
/// <param name="queueMax">Calls that wait, first come first served.</param>
/// <param name="time">Measures how long calls hold their places.</param>
internal sealed class CallGate(string what, int callsMax, int queueMax, TimeProvider time) : IDisposable
{
    /// <summary>Share of the newest call in the running mean: some ten calls are remembered.</summary>
    private const double NewestShare = 0.1;

    private static readonly TimeSpan WaitMin = TimeSpan.FromSeconds(1);

    /// <summary>Nobody is sent away for longer, however long builds take: places come free by cancelling too.</summary>
    private static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = callsMax,
        QueueLimit = queueMax,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    private double _meanSeconds;

    public long WaitingCount => _limiter.GetStatistics()?.CurrentQueuedCount ?? 0;

    public long RunningCount => callsMax - (_limiter.GetStatistics()?.CurrentAvailablePermits ?? callsMax);

    /// <summary>Holds a place until it is disposed.</summary>
    /// <exception cref="WorkerException">OVERLOADED, at once, when the queue is full.</exception>
    public async ValueTask<GatePlace> EnterAsync(CancellationToken cancellation)
    {
        var lease = await _limiter.AcquireAsync(1, cancellation);
        if (lease.IsAcquired) return new GatePlace(this, lease, time.GetTimestamp());
        lease.Dispose();
        throw new WorkerException(
            ErrorCode.Overloaded, $"{callsMax} {what} run and {queueMax} wait, as many as may; try again later")
        {
            RetryAfter = ExpectedWait(),
        };
    }

    /// <summary>Takes places that nobody uses or waits for, at most so many; often none.</summary>
    public IdlePlaces TakeIdle(int most)
    {
        var places = new List<GatePlace>();
        while (places.Count < most)
        {
            var lease = _limiter.AttemptAcquire();
            if (!lease.IsAcquired)
            {
                lease.Dispose();
                break;
            }

            places.Add(new GatePlace(this, lease, time.GetTimestamp()));
        }

        return new IdlePlaces(places);
    }

    public void Dispose() => _limiter.Dispose();

    internal void Leave(RateLimitLease lease, long enteredAt)
    {
        var seconds = time.GetElapsedTime(enteredAt).TotalSeconds;
        lease.Dispose();
        // Two that leave at once may lose one of their figures: a mean bears that, a lock here would not pay.
        var mean = Volatile.Read(ref _meanSeconds);
        Volatile.Write(ref _meanSeconds, mean == 0 ? seconds : mean + (NewestShare * (seconds - mean)));
    }

    private TimeSpan ExpectedWait()
    {
        var seconds = Volatile.Read(ref _meanSeconds) * (WaitingCount + RunningCount) / callsMax;
        return TimeSpan.FromSeconds(Math.Clamp(seconds, WaitMin.TotalSeconds, WaitMax.TotalSeconds));
    }
}

/// <summary>A place behind a gate, given back once.</summary>
internal readonly struct GatePlace(CallGate gate, RateLimitLease lease, long enteredAt) : IDisposable
{
    public void Dispose() => gate.Leave(lease, enteredAt);
}

/// <summary>Places behind a gate that were free, given back together.</summary>
internal readonly struct IdlePlaces(List<GatePlace> places) : IDisposable
{
    public int Count => places.Count;

    public void Dispose()
    {
        foreach (var place in places) place.Dispose();
    }
}

/// <summary>The gates of one worker.</summary>
internal sealed class CallGates(IndexOptions options, TimeProvider time) : IDisposable
{
    public CallGate Searches { get; } = new("searches", options.SearchesMax, options.SearchQueueMax, time);

    public CallGate Writes { get; } = new("writes", options.WritesMax, options.WriteQueueMax, time);

    public CallGate Builds { get; } = new("index builds", options.BuildsMax, options.BuildQueueMax, time);

    public CallGate Snapshots { get; } = new(
        "snapshots and restores", options.SnapshotsMax, options.SnapshotQueueMax, time);

    public void Dispose()
    {
        Snapshots.Dispose();
        Searches.Dispose();
        Writes.Dispose();
        Builds.Dispose();
    }
}
