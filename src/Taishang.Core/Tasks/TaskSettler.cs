using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Writes the ends of attempts in batches. While the database is away the ends wait here, and so does the worker,
/// because the queue of them is short; the leases that run out meanwhile decide, by the fence, what still counts.
/// </summary>
internal sealed class TaskSettler(TaskQueue queue, TimeProvider time, ILogger<TaskSettler> logger)
{
    private const int BatchMax = 256;
    private const int WaitingMax = 1_024;

    private static readonly TimeSpan PauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan PauseMax = TimeSpan.FromSeconds(2);

    private readonly Channel<Settlement> _waiting = Channel.CreateBounded<Settlement>(
        new BoundedChannelOptions(WaitingMax) { SingleReader = true });

    private readonly ConcurrentDictionary<string, long> _unwritten = new();

    /// <summary>Tasks whose ends are not written yet: their leases are still to be kept.</summary>
    public ICollection<string> Unwritten => _unwritten.Keys;

    public ValueTask AddAsync(Settlement settlement, CancellationToken cancellation)
    {
        _unwritten[settlement.Claim.Task.Id] = settlement.Claim.Fence;
        return _waiting.Writer.WriteAsync(settlement, cancellation);
    }

    /// <summary>No more will come: <see cref="RunAsync"/> ends when all are written.</summary>
    public void Close() => _waiting.Writer.TryComplete();

    public async Task RunAsync(string workerId, CancellationToken cancellation)
    {
        var batch = new List<Settlement>(BatchMax);
        while (await _waiting.Reader.WaitToReadAsync(cancellation))
        {
            while (batch.Count < BatchMax && _waiting.Reader.TryRead(out var settlement)) batch.Add(settlement);
            await WriteAsync(workerId, batch, cancellation);
            // The same task may have been claimed and settled again meanwhile: only this claim's mark goes.
            foreach (var one in batch) _unwritten.TryRemove(new(one.Claim.Task.Id, one.Claim.Fence));
            batch.Clear();
        }
    }

    private async Task WriteAsync(string workerId, List<Settlement> batch, CancellationToken cancellation)
    {
        var pause = PauseMin;
        while (true)
        {
            try
            {
                var held = await queue.SettleAsync(workerId, batch, cancellation);
                for (var i = 0; i < batch.Count; i++)
                {
                    if (!held[i]) await BounceAsync(workerId, batch[i], cancellation);
                }

                return;
            }
            catch (Exception e) when (DatabaseFailure.IsUnavailable(e) && !cancellation.IsCancellationRequested)
            {
                logger.LogWarning(
                    "The ends of {Count} attempts wait for the database: {Reason}", batch.Count, e.Message);
                await Task.Delay(pause, time, cancellation);
                pause = pause * 2 < PauseMax ? pause * 2 : PauseMax;
            }
            catch (Exception e) when (batch.Count > 1 && !cancellation.IsCancellationRequested)
            {
                logger.LogError(e, "Ends of {Count} attempts could not be written together; each is tried alone",
                    batch.Count);
                foreach (var settlement in batch) await WriteAsync(workerId, [settlement], cancellation);
                return;
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                // The row is refused for itself: the rescue will find it and count the attempt.
                logger.LogError(e, "The end of task {TaskId} could not be written", batch[0].Claim.Task.Id);
                return;
            }
        }
    }

    /// <summary>One at a time: each takes the lock of its task's row alone, so they never wait in a ring.</summary>
    private async Task BounceAsync(string workerId, Settlement late, CancellationToken cancellation)
    {
        try
        {
            if (!await queue.NoteLateAsync(workerId, late, cancellation)) return;
            logger.LogWarning(
                "The end of task {TaskId} came too late: its fence {Fence} no longer holds",
                late.Claim.Task.Id, late.Claim.Fence);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            logger.LogWarning(
                "The end of task {TaskId}, fence {Fence}, came too late, and its trail could not be told: {Reason}",
                late.Claim.Task.Id, late.Claim.Fence, e.Message);
        }
    }
}
