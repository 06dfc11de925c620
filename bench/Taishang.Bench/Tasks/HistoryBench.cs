using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Data;
using Taishang.Core.Tasks;

namespace Taishang.Bench.Tasks;

/// <summary>How long a claim takes beside no ended tasks but its own, and beside millions.</summary>
internal static class HistoryBench
{
    private const int Claims = 400;
    private const int Batch = 10;
    private const int FillRows = 250_000;

    private const string FillTasks = """
        INSERT INTO tai_tasks_{month}
            (id, type, status, payload, progress, attempt, max_attempts, run_at, timeout_ms, queued_at, started_at,
            completed_at, trail, created_at, updated_at)
        WITH RECURSIVE n (i) AS (SELECT @from UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @to)
        SELECT @prefix || '-7000-8000-' || ID, 'noop', 'completed', '{}', 100, 1, 3, tai_now(), 3600000, tai_now(),
            tai_now(), tai_now(), 3, tai_now(), tai_now()
        FROM n
        """;

    private const string FillEvents = """
        INSERT INTO tai_task_events_{month}
            (id, task_id, seq, verb, from_state, to_state, attempt, actor, feed, created_at)
        WITH RECURSIVE n (i) AS (SELECT @from UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @to)
        SELECT @prefix || '-7000-8000-' || ID, @prefix || '-7000-8000-' || ID, 3, 'complete', 'running', 'completed', 1,
            'worker', tai_feed(), tai_now()
        FROM n
        """;

    /// <summary>
    /// Two databases, claimed from in turns: a disk that is slow for a while is so for both.
    /// </summary>
    public static async Task RunAsync(
        string name, string few, string many, int history, CancellationToken cancellation)
    {
        var report = new Report($"tasks {name}: claims of {Batch} tasks beside ended ones");
        await using var beside1 = await TaskBenchHost.StartAsync(few, runs: false);
        await using var besideMany = await TaskBenchHost.StartAsync(many, runs: false);
        await FillAsync(besideMany, history, cancellation);
        TaskBenchHost[] hosts = [beside1, besideMany];
        List<double>[] samples = [[], []];
        foreach (var host in hosts) await host.CreateAsync(Claims * Batch, cancellation);
        for (var i = 0; i < Claims; i++)
        {
            for (var which = 0; which < hosts.Length; which++)
            {
                var elapsedMs = await ClaimAsync(hosts[which], cancellation);
                // The first ones pay for what is compiled and prepared.
                if (i >= Claims / 10) samples[which].Add(elapsedMs);
            }
        }

        var (first, second) = (Report.Percentile([.. samples[0]], 0.5), Report.Percentile([.. samples[1]], 0.5));
        report.Add("median with none but these", first, "ms");
        report.Add($"median with {history:N0} ended", second, "ms");
        report.Add("ratio", second / first, "");
        report.Print();
    }

    private static async Task<double> ClaimAsync(TaskBenchHost host, CancellationToken cancellation)
    {
        var queue = host.Host.Services.GetRequiredService<TaskQueue>();
        var begin = Stopwatch.GetTimestamp();
        var claims = await queue.ClaimAsync("bench", [TaskBenchHost.Noop], Batch, cancellation);
        var elapsedMs = Stopwatch.GetElapsedTime(begin).TotalMilliseconds;
        await queue.SettleAsync(
            "bench", [.. claims.Select(claim => new Settlement(claim, AttemptEnd.Completed))], cancellation);
        return elapsedMs;
    }

    private static async Task FillAsync(TaskBenchHost host, int history, CancellationToken cancellation)
    {
        var options = host.Host.Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<DatabaseOptions>>();
        // A fill of so many rows takes longer than any statement of ours may.
        await using var database = Database.Open(
            new DatabaseOptions { Connection = options.Value.Connection, BusyTimeoutSeconds = 600 },
            TimeProvider.System);
        var now = TimeProvider.System.GetUtcNow();
        var prefix = RowId.First(now)[..13];
        var id = database.Dialect == Dialect.Sqlite ? "printf('%012x', i)" : "lpad(to_hex(i), 12, '0')";
        for (var from = 1; from < history; from += FillRows)
        {
            var range = new { from, to = Math.Min(history, from + FillRows), prefix };
            foreach (var sql in (string[])[FillTasks, FillEvents])
            {
                await database.WriteAsync(
                    session => session.ExecuteAsync(
                        MonthlyTable.Sql(sql, Month.Of(now)).Replace("ID", id, StringComparison.Ordinal), range),
                    cancellation);
            }
        }

        if (database.Dialect == Dialect.PostgreSql)
            await database.ReadAsync(session => session.ExecuteAsync("VACUUM ANALYZE"), cancellation);
    }
}
