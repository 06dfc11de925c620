using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>Reads the figures by minute, and the queue as it stands.</summary>
internal sealed class TaskStatsStore(Database database)
{
    private const string InRange = """
        FROM tai_task_figures
        WHERE minute_ms >= @fromMs AND minute_ms < @toMs AND (CAST(@type AS VARCHAR(50)) IS NULL OR type = @type)
        """;

    private const string Sums = """
        SELECT type, outcome, bucket, CAST(sum(count) AS BIGINT) AS count, CAST(sum(run_ms) AS BIGINT) AS run_ms,
            CAST(sum(wait_ms) AS BIGINT) AS wait_ms, CAST(sum(tokens) AS BIGINT) AS tokens,
            CAST(sum(ai_ms) AS BIGINT) AS ai_ms
        """ + "\n" + InRange + "\nGROUP BY type, outcome, bucket";

    private const string OverTime = """
        SELECT minute_ms / @widthMs * @widthMs AS start_ms, outcome, CAST(sum(count) AS BIGINT) AS count
        """ + "\n" + InRange + "\nGROUP BY minute_ms / @widthMs * @widthMs, outcome";

    private const string Queue = """
        SELECT type,
            count(CASE WHEN state = 'queued' THEN 1 END) AS queued,
            count(CASE WHEN state = 'queued' AND waits = 0 AND run_at_ms <= tai_now_ms() THEN 1 END) AS due,
            count(CASE WHEN state = 'running' THEN 1 END) AS running,
            coalesce(tai_now_ms() - min(CASE WHEN state = 'queued' AND waits = 0 AND run_at_ms <= tai_now_ms()
                THEN run_at_ms END), 0) AS oldest_age_ms
        FROM tai_task_queue WHERE (CAST(@type AS VARCHAR(50)) IS NULL OR type = @type) GROUP BY type
        """;

    private const string Sweep = "DELETE FROM tai_task_figures WHERE minute_ms < @beforeMs";

    /// <param name="type">Null for all.</param>
    /// <param name="width">Of a bucket of time.</param>
    public Task<TaskStats> ReadAsync(
        DateTimeOffset from, DateTimeOffset to, string? type, TimeSpan width, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var parameters = new
                {
                    fromMs = from.ToUnixTimeMilliseconds(),
                    toMs = to.ToUnixTimeMilliseconds(),
                    type,
                    widthMs = (long)width.TotalMilliseconds,
                };
                var sums = await session.QueryAsync<FigureSum>(Sums, parameters);
                var times = await session.QueryAsync<TimeRow>(OverTime, parameters);
                return new TaskStats(
                    from, to,
                    TaskFiguresView.Of(sums, null, to - from),
                    [.. sums.GroupBy(sum => sum.Type).OrderBy(group => group.Key, StringComparer.Ordinal)
                        .Select(group => TaskFiguresView.Of(group.ToArray(), group.Key, to - from))],
                    [.. times.GroupBy(row => row.StartMs).OrderBy(group => group.Key).Select(OfTime)
                        .Where(bucket => bucket.Ended > 0)],
                    await QueueAsync(session, type));
            },
            cancellation);

    /// <summary>The figures of a range alone.</summary>
    public Task<TaskFiguresView> FiguresAsync(
        DateTimeOffset from, DateTimeOffset to, string? type, CancellationToken cancellation) =>
        database.ReadAsync(
            async session => TaskFiguresView.Of(
                await session.QueryAsync<FigureSum>(Sums, new
                {
                    fromMs = from.ToUnixTimeMilliseconds(),
                    toMs = to.ToUnixTimeMilliseconds(),
                    type,
                }).ConfigureAwait(false),
                type, to - from),
            cancellation);

    /// <summary>The queue now, of all types or of one.</summary>
    public Task<QueueFigures> QueueAsync(string? type, CancellationToken cancellation) =>
        database.ReadAsync(session => QueueAsync(session, type), cancellation);

    /// <summary>Forgets figures of minutes before a time.</summary>
    public Task SweepAsync(DateTimeOffset before, CancellationToken cancellation) => database.WriteAsync(
        session => session.ExecuteAsync(Sweep, new { beforeMs = before.ToUnixTimeMilliseconds() }), cancellation);

    private static async Task<QueueFigures> QueueAsync(DatabaseSession session, string? type)
    {
        var types = (await session.QueryAsync<QueueTypeFigures>(Queue, new { type }))
            .OrderBy(row => row.Type, StringComparer.Ordinal).ToArray();
        return new QueueFigures(
            types.Sum(row => row.Queued), types.Sum(row => row.Due), types.Sum(row => row.Running),
            types.Length == 0 ? 0 : types.Max(row => row.OldestAgeMs), types);
    }

    private static TaskTimeFigures OfTime(IGrouping<long, TimeRow> bucket)
    {
        long Count(string outcome) => bucket.Where(row => row.Outcome == outcome).Sum(row => row.Count);
        var (completed, failed, cancelled) =
            (Count(TaskOutcome.Completed), Count(TaskOutcome.Failed), Count(TaskOutcome.Cancelled));
        return new TaskTimeFigures(
            DateTimeOffset.FromUnixTimeMilliseconds(bucket.Key), completed + failed + cancelled, completed, failed,
            cancelled);
    }

    private sealed class TimeRow
    {
        public long StartMs { get; init; }

        public required string Outcome { get; init; }

        public long Count { get; init; }
    }
}
