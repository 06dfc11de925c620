using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>Drops months of recorded calls that are older than the option keeps, a whole table at a time.</summary>
internal sealed class CallRetention(
    MonthlyTables tables, DatabaseState state, IOptions<ServiceCallOptions> options, TimeProvider time,
    ILogger<CallRetention> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromHours(6);

    /// <summary>Drops what is too old now; returns the months dropped.</summary>
    public async Task<IReadOnlyList<Month>> DropOldAsync(CancellationToken cancellation)
    {
        if (options.Value.KeepMonths == 0) return [];
        var oldest = Month.Of(time.GetUtcNow());
        for (var i = 1; i < options.Value.KeepMonths; i++) oldest = oldest.Previous();
        await tables.RefreshAsync(cancellation);
        var old = tables.Known(MonthlyTable.ServiceCalls).Where(month => month.CompareTo(oldest) < 0).ToArray();
        foreach (var month in old)
        {
            await tables.DropAsync(MonthlyTable.ServiceCalls, month, cancellation);
            logger.LogInformation("Dropped the calls of {Month}", month);
        }

        return old;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await DropOldAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning(e, "Old calls could not be dropped; trying again later");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
