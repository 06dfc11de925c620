using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>
/// Has workers drop what core no longer wants. A deletion tries at once; what fails then, because the worker is down or
/// slow, is tried again here until it is done, with growing pauses.
/// </summary>
internal sealed class CollectionDropWorker(
    CollectionDropStore drops,
    IAiClient ai,
    TimeProvider time,
    IOptions<CollectionOptions> options,
    ILogger<CollectionDropWorker> log) : BackgroundService
{
    private const int BatchMax = 100;
    private const int DoublingsMax = 16;

    /// <summary>Tries what is due; returns how many were dropped.</summary>
    public async Task<int> SweepAsync(CancellationToken cancellation)
    {
        var dropped = 0;
        foreach (var drop in await drops.DueAsync(time.GetUtcNow(), BatchMax, cancellation))
        {
            if (await TryDropAsync(drop, cancellation)) dropped++;
        }

        return dropped;
    }

    /// <summary>One try. False, with the reason kept, when the worker could not; it will be tried again.</summary>
    public async Task<bool> TryDropAsync(CollectionDrop drop, CancellationToken cancellation)
    {
        if (!await drops.TakeAsync(drop, time.GetUtcNow() + Pause(drop.Attempts), cancellation)) return false;
        try
        {
            await ai.CallAsync(
                AiCalls.DropCollection, new DropCollectionRequest { CollectionId = drop.CollectionId }, drop.WorkerId,
                cancellation);
        }
        catch (ApiException e) when (e.Code != ErrorCodes.CollectionNotFound)
        {
            log.LogWarning(
                "collection {Collection} is not yet dropped on worker {Worker}: {Reason}",
                drop.CollectionId, drop.WorkerId, e.Message);
            await drops.NoteErrorAsync(drop.CollectionId, e.Message, cancellation);
            return false;
        }
        catch (ApiException)
        {
            // The worker has no such collection: that is what was wanted.
        }

        await drops.RemoveAsync(drop.CollectionId, cancellation);
        return true;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.Value.DropSweepSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                log.LogWarning(e, "the sweep of dropped collections failed and goes on with the next");
            }
        }
    }

    private TimeSpan Pause(int attempts)
    {
        var first = TimeSpan.FromSeconds(options.Value.DropSweepSeconds);
        var longest = TimeSpan.FromSeconds(options.Value.DropRetrySecondsMax);
        var pause = first * Math.Pow(2, Math.Min(attempts, DoublingsMax));
        return pause < longest ? pause : longest;
    }
}
