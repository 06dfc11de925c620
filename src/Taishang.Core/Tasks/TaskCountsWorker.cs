using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Sums up what statements added to the counts of tasks, so that a total stays a sum of few rows. PostgreSQL only: on
/// SQLite there is one row a lane. Any process does it, one at a time.
/// </summary>
internal sealed class TaskCountsWorker(
    Database database, MonthlyTables tables, DatabaseState state, TimeProvider time, ILogger<TaskCountsWorker> logger)
    : BackgroundService
{
    /// <summary>A month with fewer rows is summed up when it is read.</summary>
    private const int RowsMax = 200;

    /// <summary>Any number that no other lock of this database uses.</summary>
    private const long CountLock = 0x7461695f636e74;

    private const string Look = "SELECT count(*) FROM (SELECT 1 FROM tai_task_counts_{month} LIMIT @max) AS few";

    /// <summary>One statement: whoever reads sees all of the old rows or the new ones.</summary>
    private const string Fold = """
        WITH gone AS (DELETE FROM tai_task_counts_{month} RETURNING status, type, priority, count)
        INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        SELECT status, type, priority, sum(count) FROM gone GROUP BY status, type, priority HAVING sum(count) <> 0
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>Sums up the months that need it; returns how many.</summary>
    public async Task<int> FoldAsync(CancellationToken cancellation)
    {
        if (database.Dialect != Dialect.PostgreSql) return 0;
        var folded = 0;
        foreach (var month in tables.Known(MonthlyTable.TaskCounts))
        {
            if (await FoldAsync(month, cancellation)) folded++;
        }

        return folded;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var timer = new PeriodicTimer(Interval, time);
        while (!stoppingToken.IsCancellationRequested && await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await FoldAsync(stoppingToken);
            }
            catch (Exception e) when (DatabaseFailure.IsMissingTable(e))
            {
                // Another process has dropped a month.
                await tables.RefreshAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning("Counts of tasks could not be summed up for now: {Reason}", e.Message);
            }
        }
    }

    private async Task<bool> FoldAsync(Month month, CancellationToken cancellation)
    {
        var rows = await database.ReadAsync(
            session => session.ScalarAsync<long>(MonthlyTable.Sql(Look, month), new { max = RowsMax }), cancellation);
        return rows >= RowsMax && await database.WriteAsync(
            async session =>
            {
                if (!await session.ScalarAsync<bool>("SELECT pg_try_advisory_xact_lock(@key)", new { key = CountLock }))
                    return false;
                await session.ExecuteAsync(MonthlyTable.Sql(Fold, month));
                return true;
            },
            cancellation);
    }
}
