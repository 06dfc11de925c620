using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// Reads the trail of all tasks in the order of its transactions. PostgreSQL numbers transactions when they first write
/// and commits them in any order; its snapshot says below which number none runs any more. SQLite has one writer.
/// </summary>
internal sealed class TaskFeed(Database database, MonthlyTables tables)
{
    private const string Columns = """
        id, task_id, seq, verb, from_state, to_state, attempt, actor, substr(reason, 1, 1000) AS reason, feed,
        created_at
        """;

    private const string After = "feed >= @feed AND (feed > @feed OR id > @id)";

    private const string OfMonth = $"""
        SELECT * FROM (
            SELECT {Columns} FROM tai_task_events_{"{month}"} WHERE {After}
            ORDER BY feed, id LIMIT @take) AS m{"{month}"}
        """;

    private const string OfTask = $"""
        SELECT {Columns} FROM tai_task_events_{"{month}"} WHERE task_id = @taskId AND seq > @seq
        ORDER BY seq LIMIT @take
        """;

    private const string PostgreSqlBounds = """
        SELECT pg_snapshot_xmin(s)::text::bigint - 1 AS safe, pg_snapshot_xmax(s)::text::bigint - 1 AS newest
        FROM pg_current_snapshot() AS s
        """;

    private const string SqliteNewest = "SELECT max(feed) FROM tai_task_events_{month}";

    private const string RunningOfMonth = """
        SELECT t.id, t.progress, t.progress_rate, t.progress_at, t.cost_tokens, t.cost_ai_ms
        FROM tai_task_queue q JOIN tai_tasks_{month} t ON t.id = q.task_id WHERE q.state = 'running'
        """;

    /// <summary>Looks which months there are: another process may have dropped one.</summary>
    public Task RefreshAsync(CancellationToken cancellation) => tables.RefreshAsync(cancellation);

    /// <summary>What is settled now. To be asked before the lines are read.</summary>
    public Task<FeedBounds> BoundsAsync(CancellationToken cancellation) => database.ReadAsync(
        async session =>
        {
            if (session.Dialect == Dialect.PostgreSql)
                return await session.FindAsync<FeedBounds>(PostgreSqlBounds) ?? new FeedBounds();
            long newest = 0;
            foreach (var month in tables.Known(MonthlyTable.TaskEvents))
            {
                var last = await session.ScalarAsync<long?>(MonthlyTable.Sql(SqliteNewest, month));
                newest = Math.Max(newest, last ?? 0);
            }

            return new FeedBounds { Safe = newest, Newest = newest };
        },
        cancellation);

    /// <summary>The next lines of all tasks after a place.</summary>
    public Task<IReadOnlyList<TaskEvent>> ReadAsync(FeedPlace after, int take, CancellationToken cancellation)
    {
        var months = tables.Known(MonthlyTable.TaskEvents);
        if (months.Count == 0) return Task.FromResult<IReadOnlyList<TaskEvent>>([]);
        var all = string.Join(" UNION ALL ", months.Select(month => MonthlyTable.Sql(OfMonth, month)));
        return database.ReadAsync(
            session => session.QueryAsync<TaskEvent>(
                all + " ORDER BY feed, id LIMIT @take", new { feed = after.Feed, id = after.EventId, take }),
            cancellation);
    }

    /// <summary>The next lines of a task's trail: written under the lock of its row, so none comes late.</summary>
    public Task<IReadOnlyList<TaskEvent>> ReadTaskAsync(
        string taskId, int seq, int take, CancellationToken cancellation) => database.ReadAsync(
        session => session.QueryAsync<TaskEvent>(
            MonthlyTable.Sql(OfTask, TaskMoves.MonthOf(taskId)), new { taskId, seq, take }),
        cancellation);

    /// <summary>How far the tasks are that run now, in any process.</summary>
    public Task<IReadOnlyList<TaskPulse>> RunningAsync(CancellationToken cancellation)
    {
        var months = tables.Known(MonthlyTable.Tasks);
        if (months.Count == 0) return Task.FromResult<IReadOnlyList<TaskPulse>>([]);
        var all = string.Join(" UNION ALL ", months.Select(month => MonthlyTable.Sql(RunningOfMonth, month)));
        return database.ReadAsync(session => session.QueryAsync<TaskPulse>(all), cancellation);
    }
}

/// <summary>Numbers of transactions.</summary>
internal sealed class FeedBounds
{
    /// <summary>None that is not above this will write any more.</summary>
    public long Safe { get; init; }

    /// <summary>None above this had begun to write.</summary>
    public long Newest { get; init; }
}

/// <summary>How far a running task is.</summary>
internal sealed record TaskPulse
{
    public required string Id { get; init; }

    public int Progress { get; init; }

    public double? ProgressRate { get; init; }

    public DateTimeOffset? ProgressAt { get; init; }

    public long CostTokens { get; init; }

    public long CostAiMs { get; init; }
}

/// <summary>The pulse as the API shows it.</summary>
internal sealed record TaskProgressView(
    string TaskId, int Progress, double? ProgressRate, DateTimeOffset? ProgressAt, long? TimeLeftMs, TaskCost Cost)
{
    public static TaskProgressView Of(TaskPulse pulse) => new(
        pulse.Id, pulse.Progress, pulse.ProgressRate, pulse.ProgressAt,
        Watching.ProgressRate.TimeLeftMs(pulse.Progress, pulse.ProgressRate),
        new TaskCost(pulse.CostTokens, pulse.CostAiMs));
}
