using System.Diagnostics.Metrics;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient;

namespace Taishang.Core.ServiceCalls;

/// <summary>
/// Where the client leaves its calls: a bounded queue that is never waited on. What does not fit is dropped and
/// counted, because a record is worth less than the request that it is about.
/// </summary>
internal sealed class CallRecorder : IDisposable
{
    private readonly Channel<CallRecord> _calls;
    private readonly Meter _meter;
    private readonly Counter<long> _droppedCounter;
    private readonly WakeSignal _flush;
    private readonly TimeProvider _time;
    private TaskCompletionSource _progress = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _accepted;
    private long _settled;
    private long _dropped;

    public CallRecorder(IOptions<ServiceCallOptions> options, IMeterFactory meters, TimeProvider time)
    {
        _time = time;
        _flush = new WakeSignal(time);
        _calls = Channel.CreateBounded<CallRecord>(new BoundedChannelOptions(options.Value.QueueCallsMax)
        {
            SingleReader = true,
            FullMode = BoundedChannelFullMode.Wait,
        });
        _meter = meters.Create(AiClientTelemetry.Name);
        _droppedCounter = _meter.CreateCounter<long>(
            "taishang.service_calls.dropped", "{call}", "Calls that could not be recorded.");
    }

    /// <summary>Calls handed over and not yet turned into text.</summary>
    public ChannelReader<CallRecord> Calls => _calls.Reader;

    /// <summary>Calls lost since the start.</summary>
    public long Dropped => Volatile.Read(ref _dropped);

    /// <summary>Set when somebody waits for the rows.</summary>
    public WakeSignal FlushAsked => _flush;

    /// <summary>Takes a call without waiting.</summary>
    public void Record(CallRecord call)
    {
        Interlocked.Increment(ref _accepted);
        if (!_calls.Writer.TryWrite(call)) Drop(1);
    }

    public void Drop(int count)
    {
        Interlocked.Add(ref _dropped, count);
        _droppedCounter.Add(count);
        Settle(count);
    }

    /// <summary>So many calls are in the database, or lost.</summary>
    public void Settle(int count)
    {
        Interlocked.Add(ref _settled, count);
        Interlocked.Exchange(
            ref _progress, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    /// <summary>
    /// Waits until what was recorded before this call can be read, so that a reader sees his own calls; false when that
    /// takes longer than allowed.
    /// </summary>
    public async Task<bool> FlushAsync(TimeSpan longest, CancellationToken cancellation)
    {
        var target = Volatile.Read(ref _accepted);
        using var timer = new CancellationTokenSource(longest, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        try
        {
            while (true)
            {
                var progress = Volatile.Read(ref _progress).Task;
                if (Volatile.Read(ref _settled) >= target) return true;
                _flush.Set();
                await progress.WaitAsync(either.Token);
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>No more calls come; the readers finish what is there.</summary>
    public void Complete() => _calls.Writer.TryComplete();

    public void Dispose()
    {
        _meter.Dispose();
        _flush.Dispose();
    }
}
