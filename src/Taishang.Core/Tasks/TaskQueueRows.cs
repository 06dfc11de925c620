using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>A row to put into tai_task_queue.</summary>
/// <param name="Waits">Parents that have not ended: it is not claimed before there are none.</param>
internal sealed record TaskQueueEntry(AiTask Task, DateTimeOffset RunAt, int Attempt, int Waits = 0);

/// <summary>Rows of tai_task_queue, put in and taken out by the batch.</summary>
internal static class TaskQueueRows
{
    /// <summary>
    /// Before the first statement of a transaction on PostgreSQL that looks up many rows by key. The queue grows from
    /// nothing to thousands of rows and back within seconds, so the planner's statistics of it are always old, and it
    /// would read the table whole and sort it for each claim. A plan that was made while a table was small is kept
    /// while it grows, so a join alone is not enough: it would be made by reading the whole index. Each such statement
    /// names its keys by <c>= ANY</c> too, which an index can only look up.
    /// </summary>
    public const string ByIndex = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;\n";

    private const string PostgreSqlInsert = """
        INSERT INTO tai_task_queue
            (task_id, type, state, priority, run_at_ms, rank_ms, attempt, max_attempts, timeout_ms, fence, tenant,
            waits)
        SELECT id, type, 'queued', priority, run_at_ms, run_at_ms - priority * @step, attempt, max_attempts,
            timeout_ms, fence, tenant, waits
        FROM unnest(@ids, @types, @priorities, @runAts, @attempts, @maxAttempts, @timeouts, @fences, @tenants, @waits)
            AS r (id, type, priority, run_at_ms, attempt, max_attempts, timeout_ms, fence, tenant, waits)
        """;

    private const string SqliteInsert = """
        INSERT INTO tai_task_queue
            (task_id, type, state, priority, run_at_ms, rank_ms, attempt, max_attempts, timeout_ms, fence, tenant,
            waits)
        VALUES (@id, @type, 'queued', @priority, @runAtMs, @runAtMs - @priority * @step, @attempt, @maxAttempts,
            @timeoutMs, @fence, @tenant, @waits)
        """;

    private const string PostgreSqlDelete = "DELETE FROM tai_task_queue WHERE task_id = ANY(@ids)";

    private const string SqliteDelete = "DELETE FROM tai_task_queue WHERE task_id = @id";

    /// <param name="options">What one step of priority is worth, and which label names the tenant.</param>
    public static Task InsertAsync(
        DatabaseSession session, IReadOnlyList<TaskQueueEntry> entries, TaskOptions options)
    {
        var stepMs = (long)options.PriorityStepMs;
        if (entries.Count == 0) return Task.CompletedTask;
        if (session.Dialect == Dialect.Sqlite)
        {
            return session.ExecuteAsync(SqliteInsert, entries.Select(entry => new
            {
                id = entry.Task.Id,
                type = entry.Task.Type,
                priority = entry.Task.Priority,
                runAtMs = entry.RunAt.ToUnixTimeMilliseconds(),
                attempt = entry.Attempt,
                maxAttempts = entry.Task.MaxAttempts,
                timeoutMs = entry.Task.TimeoutMs,
                fence = entry.Task.Fence,
                tenant = options.TenantOf(entry.Task.Labels),
                waits = entry.Waits,
                step = stepMs,
            }));
        }

        return session.ExecuteAsync(PostgreSqlInsert, new
        {
            ids = entries.Select(entry => entry.Task.Id).ToArray(),
            types = entries.Select(entry => entry.Task.Type).ToArray(),
            priorities = entries.Select(entry => entry.Task.Priority).ToArray(),
            runAts = entries.Select(entry => entry.RunAt.ToUnixTimeMilliseconds()).ToArray(),
            attempts = entries.Select(entry => entry.Attempt).ToArray(),
            maxAttempts = entries.Select(entry => entry.Task.MaxAttempts).ToArray(),
            timeouts = entries.Select(entry => entry.Task.TimeoutMs).ToArray(),
            fences = entries.Select(entry => entry.Task.Fence).ToArray(),
            tenants = entries.Select(entry => options.TenantOf(entry.Task.Labels)).ToArray(),
            waits = entries.Select(entry => entry.Waits).ToArray(),
            step = stepMs,
        });
    }

    public static Task DeleteAsync(DatabaseSession session, IReadOnlyList<string> ids)
    {
        if (ids.Count == 0) return Task.CompletedTask;
        return session.Dialect == Dialect.Sqlite
            ? session.ExecuteAsync(SqliteDelete, ids.Select(id => new { id }))
            : session.ExecuteAsync(PostgreSqlDelete, new { ids = ids.ToArray() });
    }
}
