using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks.History;

/// <summary>
/// Takes months of tasks away that are older than the options keep: exported first when that is wanted, then dropped as
/// whole tables. A month in which anything still lives stays, and so does one that changed while it was exported, until
/// the next round. One process at a time does it.
/// </summary>
internal sealed class TaskRetention(
    Database database, MonthlyTables tables, TaskStatsStore stats, DatabaseState state, TimeProvider time,
    IOptions<TaskOptions> options, ILogger<TaskRetention> logger)
    : BackgroundService
{
    /// <summary>Any number that no other lock of this database uses.</summary>
    private const long RetentionLock = 0x7461695f726574;

    private const string Look = """
        SELECT (SELECT count(*) FROM tai_tasks_{month} WHERE status IN ('pending', 'running')) AS live,
            (SELECT max(feed) FROM tai_task_events_{month}) AS last
        """;

    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    private readonly TaskOptions _options = options.Value;

    /// <summary>Takes away what is too old now; returns the months that went.</summary>
    public async Task<IReadOnlyList<Month>> ExpireAsync(CancellationToken cancellation)
    {
        await stats.SweepAsync(time.GetUtcNow().AddDays(-_options.FiguresKeepDays), cancellation);
        if (_options.KeepMonths == 0) return [];
        var oldest = Month.Of(time.GetUtcNow());
        for (var i = 1; i < _options.KeepMonths; i++) oldest = oldest.Previous();
        await tables.RefreshAsync(cancellation);
        var old = tables.Known(MonthlyTable.Tasks).Where(month => month.CompareTo(oldest) < 0).Order().ToArray();
        var gone = new List<Month>();
        foreach (var month in old)
        {
            if (await ExpireAsync(month, cancellation)) gone.Add(month);
        }

        return gone;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await state.WaitReadyAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stoppingToken.IsCancellationRequested) return;
        using var timer = new PeriodicTimer(Interval, time);
        do
        {
            try
            {
                await ExpireAsync(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogWarning(e, "Old tasks could not be taken away; trying again in an hour");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    /// <summary>The lock is of the connection that reads: it goes when the process does.</summary>
    private Task<bool> ExpireAsync(Month month, CancellationToken cancellation) => database.ReadAloneAsync(
        async session =>
        {
            var server = session.Dialect == Dialect.PostgreSql;
            var key = new { key = RetentionLock };
            if (server && !await session.ScalarAsync<bool>("SELECT pg_try_advisory_lock(@key)", key)) return false;
            try
            {
                return await ExpireAsync(session, month, cancellation);
            }
            finally
            {
                if (server) await session.ScalarAsync<bool>("SELECT pg_advisory_unlock(@key)", key);
            }
        },
        cancellation);

    private async Task<bool> ExpireAsync(DatabaseSession session, Month month, CancellationToken cancellation)
    {
        var seen = await LookAsync(session, month);
        if (seen.Live > 0)
        {
            logger.LogInformation("Tasks of {Month} stay: {Count} of them have not ended", month, seen.Live);
            return false;
        }

        if (_options.ExportFolder is { Length: > 0 } folder)
        {
            var export = new TaskExport(folder);
            var count = await export.WriteAsync(session, month);
            logger.LogInformation("Wrote {Count} tasks of {Month} to {File}", count, month, export.FileOf(month));
        }

        if (!await DropAsync(month, seen, cancellation))
        {
            logger.LogInformation("Tasks of {Month} changed meanwhile and stay for now", month);
            return false;
        }

        tables.Forget(MonthlyTable.OfTasks, month);
        logger.LogInformation("Dropped the tasks of {Month}", month);
        return true;
    }

    /// <summary>Drops the month if it still is as it was seen: nobody can write to it between look and drop.</summary>
    private Task<bool> DropAsync(Month month, MonthLook seen, CancellationToken cancellation) => database.WriteAsync(
        async session =>
        {
            if (session.Dialect == Dialect.PostgreSql)
                await session.ExecuteAsync($"LOCK TABLE {MonthlyTable.Tasks.Of(month)} IN ACCESS EXCLUSIVE MODE");
            if (await LookAsync(session, month) != seen) return false;
            foreach (var table in MonthlyTable.OfTasks)
                await session.ExecuteAsync($"DROP TABLE IF EXISTS {table.Of(month)}");
            return true;
        },
        cancellation);

    private static async Task<MonthLook> LookAsync(DatabaseSession session, Month month) =>
        await session.FindAsync<MonthLook>(MonthlyTable.Sql(Look, month)) ?? new MonthLook();

    /// <summary>
    /// How a month stands, by its indexes alone. Whatever happens to a task that has ended adds to the trail or, when
    /// it is deleted, takes from it.
    /// </summary>
    private sealed record MonthLook
    {
        public long Live { get; init; }

        /// <summary>The newest line of the trails.</summary>
        public long? Last { get; init; }
    }
}
