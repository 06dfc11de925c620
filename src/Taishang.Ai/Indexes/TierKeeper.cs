using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Taishang.Ai.Indexes;

/// <summary>Looks from time to time which collections may give their memory back.</summary>
internal sealed class TierKeeper(
    CollectionStore store, IndexOptions options, TimeProvider time, ILogger<TierKeeper> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.TierSweepSeconds), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await store.SweepTiersAsync();
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                logger.LogWarning(e, "The look for idle collections failed and goes on with the next");
            }
        }
    }
}
