using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>Writes new tasks: the row, the place in the queue, the first line of the trail.</summary>
internal static class TaskInserts
{
    private const string PostgreSqlInsert = """
        WITH r AS (
            SELECT * FROM unnest(
                @ids, @eventIds, @types, @payloads, @priorities, @maxAttempts, @runAts, @timeouts, @queuedAts, @parents,
                @labels, @traces, @spans, @states, @actors, @created, @uniqueKeys, @dependsOn, @rules, @chains,
                @schedules)
            AS r (id, event_id, type, payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id,
                labels, trace_id, span_id, state, actor, created_at, unique_key, depends_on, on_parent_failure, chain,
                schedule_id)),
        tasks AS (
            INSERT INTO tai_tasks_{month}
                (id, type, status, payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id, labels,
                trace_id, span_id, created_at, updated_at, unique_key, depends_on, on_parent_failure, chain,
                schedule_id)
            SELECT id, type, 'pending', payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id,
                labels, trace_id, span_id, created_at, @at, unique_key, depends_on, on_parent_failure, chain,
                schedule_id FROM r)
        INSERT INTO tai_task_events_{month}
            (id, task_id, seq, verb, to_state, attempt, actor, feed, created_at)
        SELECT event_id, id, 1, 'create', state, 0, actor, tai_feed(), @at FROM r
        """;

    private const string SqliteInsert = """
        INSERT INTO tai_tasks_{month}
            (id, type, status, payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id, labels,
            trace_id, span_id, created_at, updated_at, unique_key, depends_on, on_parent_failure, chain, schedule_id)
        VALUES (@id, @type, 'pending', @payload, @priority, @maxAttempts, @runAt, @timeoutMs, @queuedAt, @parentId,
            @labels, @traceId, @spanId, @createdAt, @at, @uniqueKey, @dependsOn, @rule, @chain, @scheduleId)
        """;

    private const string SqliteEvent = """
        INSERT INTO tai_task_events_{month}
            (id, task_id, seq, verb, to_state, attempt, actor, feed, created_at)
        VALUES (@eventId, @id, 1, 'create', @state, 0, @actor, tai_feed(), @at)
        """;

    /// <param name="month">The month of all the rows' ids; its table exists.</param>
    public static async Task InsertAsync(
        DatabaseSession session, Month month, IReadOnlyList<(AiTask Task, string Actor)> rows)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            await session.ExecuteAsync(MonthlyTable.Sql(PostgreSqlInsert, month), Arrays(rows));
            return;
        }

        var parameters = rows.Select((row, i) => Row(row.Task, row.Actor, i)).ToArray();
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteInsert, month), parameters);
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteEvent, month), parameters);
    }

    private static object Arrays(IReadOnlyList<(AiTask Task, string Actor)> rows) => new
    {
        ids = rows.Select(row => row.Task.Id).ToArray(),
        eventIds = rows.Select((_, i) => RowId.New(rows[i].Task.UpdatedAt, i)).ToArray(),
        types = rows.Select(row => row.Task.Type).ToArray(),
        payloads = rows.Select(row => row.Task.Payload).ToArray(),
        priorities = rows.Select(row => row.Task.Priority).ToArray(),
        maxAttempts = rows.Select(row => row.Task.MaxAttempts).ToArray(),
        runAts = rows.Select(row => row.Task.RunAt).ToArray(),
        timeouts = rows.Select(row => row.Task.TimeoutMs).ToArray(),
        queuedAts = rows.Select(row => row.Task.QueuedAt).ToArray(),
        parents = rows.Select(row => row.Task.ParentId).ToArray(),
        labels = rows.Select(row => row.Task.Labels).ToArray(),
        traces = rows.Select(row => row.Task.TraceId).ToArray(),
        spans = rows.Select(row => row.Task.SpanId).ToArray(),
        states = rows.Select(row => TaskMoves.Word(row.Task.State)).ToArray(),
        actors = rows.Select(row => row.Actor).ToArray(),
        created = rows.Select(row => row.Task.CreatedAt).ToArray(),
        uniqueKeys = rows.Select(row => row.Task.UniqueKey).ToArray(),
        dependsOn = rows.Select(row => row.Task.DependsOn).ToArray(),
        rules = rows.Select(row => row.Task.OnParentFailure).ToArray(),
        chains = rows.Select(row => row.Task.Chain).ToArray(),
        schedules = rows.Select(row => row.Task.ScheduleId).ToArray(),
        at = rows[0].Task.UpdatedAt,
    };

    private static object Row(AiTask task, string actor, int ordinal) => new
    {
        id = task.Id,
        eventId = RowId.New(task.UpdatedAt, ordinal),
        type = task.Type,
        payload = task.Payload,
        priority = task.Priority,
        maxAttempts = task.MaxAttempts,
        runAt = task.RunAt,
        timeoutMs = task.TimeoutMs,
        queuedAt = task.QueuedAt,
        parentId = task.ParentId,
        labels = task.Labels,
        traceId = task.TraceId,
        spanId = task.SpanId,
        state = TaskMoves.Word(task.State),
        actor,
        createdAt = task.CreatedAt,
        uniqueKey = task.UniqueKey,
        dependsOn = task.DependsOn,
        rule = task.OnParentFailure,
        chain = task.Chain,
        scheduleId = task.ScheduleId,
        at = task.UpdatedAt,
    };
}
