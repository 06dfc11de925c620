using System.Threading.RateLimiting;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Indexes;

/// <summary>So many calls at once, so many waiting, the next refused: overload is an answer, no slow death.</summary>
/// <param name="what">Plural, for the message: searches.</param>
/// <param name="callsMax">Calls that run at once.</param>
/// <param name="queueMax">Calls that wait, first come first served.</param>
internal sealed class CallGate(string what, int callsMax, int queueMax) : IDisposable
{
    private readonly ConcurrencyLimiter _limiter = new(new ConcurrencyLimiterOptions
    {
        PermitLimit = callsMax,
        QueueLimit = queueMax,
        QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });

    public long WaitingCount => _limiter.GetStatistics()?.CurrentQueuedCount ?? 0;

    public long RunningCount => callsMax - (_limiter.GetStatistics()?.CurrentAvailablePermits ?? callsMax);

    /// <summary>Holds a place until the lease is disposed.</summary>
    /// <exception cref="WorkerException">OVERLOADED, at once, when the queue is full.</exception>
    public async ValueTask<RateLimitLease> EnterAsync(CancellationToken cancellation)
    {
        var lease = await _limiter.AcquireAsync(1, cancellation);
        if (lease.IsAcquired) return lease;
        lease.Dispose();
        throw new WorkerException(
            ErrorCode.Overloaded, $"{callsMax} {what} run and {queueMax} wait, as many as may; try again later")
        {
            RetryAfter = TimeSpan.FromSeconds(1),
        };
    }

    public void Dispose() => _limiter.Dispose();
}

/// <summary>The gates of one worker.</summary>
internal sealed class CallGates(IndexOptions options) : IDisposable
{
    public CallGate Searches { get; } = new("searches", options.SearchesMax, options.SearchQueueMax);

    public CallGate Writes { get; } = new("writes", options.WritesMax, options.WriteQueueMax);

    public CallGate Builds { get; } = new("index builds", options.BuildsMax, options.BuildQueueMax);

    public void Dispose()
    {
        Searches.Dispose();
        Writes.Dispose();
        Builds.Dispose();
    }
}
