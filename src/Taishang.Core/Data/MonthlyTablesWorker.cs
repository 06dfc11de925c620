using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Taishang.Core.Data;

/// <summary>Keeps the next month's tables ready while the system runs, and learns of months made elsewhere.</summary>
internal sealed class MonthlyTablesWorker(
    MonthlyTables tables, DatabaseState state, TimeProvider time, ILogger<MonthlyTablesWorker> logger)
    : BackgroundService
{
    /// <summary>Far more often than needed for a month, so that a failed try costs nothing.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await tables.EnsureAheadAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning(e, "Monthly tables could not be made; trying again in {Minutes} minutes",
                    Interval.TotalMinutes);
            }
        }
    }
}
