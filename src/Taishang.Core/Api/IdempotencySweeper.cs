using System.Data.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api;

/// <summary>Deletes expired keys in small transactions, so that no writer waits long behind it.</summary>
internal sealed class IdempotencySweeper(
    IdempotencyStore store, IOptions<ApiOptions> options, TimeProvider time, ILogger<IdempotencySweeper> logger)
    : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMinutes(options.Value.IdempotencySweepMinutes), time);
        while (await timer.WaitForNextTickAsync(stoppingToken)) await SweepAsync(stoppingToken);
    }

    private async Task SweepAsync(CancellationToken cancellation)
    {
        try
        {
            while (await store.SweepAsync(TimeSpan.FromHours(options.Value.IdempotencyHours), cancellation) > 0)
                cancellation.ThrowIfCancellationRequested();
        }
        catch (Exception e) when (e is DbException or TimeoutException)
        {
            logger.LogWarning(e, "expired idempotency keys were not deleted; the next sweep tries again");
        }
    }
}
