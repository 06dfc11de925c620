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
                @schedules, @runAtMs, @tenants, @waits)
            AS r (id, event_id, type, payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id,
                labels, trace_id, span_id, state, actor, created_at, unique_key, depends_on, on_parent_failure, chain,
                schedule_id, run_at_ms, tenant, waits)),
        tasks AS (
            INSERT INTO tai_tasks_{month}
                (id, type, status, payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id, labels,
                trace_id, span_id, created_at, updated_at, unique_key, depends_on, on_parent_failure, chain,
                schedule_id)
            SELECT id, type, 'pending', payload, priority, max_attempts, run_at, timeout_ms, queued_at, parent_id,
                labels, trace_id, span_id, created_at, @at, unique_key, depends_on, on_parent_failure,
                coalesce(chain, 0), schedule_id FROM r),
        queue AS (
            INSERT INTO tai_task_queue
                (task_id, type, state, priority, run_at_ms, rank_ms, attempt, max_attempts, timeout_ms, fence, tenant,
                waits)
            SELECT id, type, 'queued', priority, run_at_ms, run_at_ms - priority * @step, 0, max_attempts, timeout_ms,
                0, coalesce(tenant, ''), coalesce(waits, 0)
            FROM r WHERE state = 'queued')
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

    /// <param name="month">The month of all the rows' ids; its tables exist.</param>
    public static async Task InsertAsync(
        DatabaseSession session, Month month, IReadOnlyList<NewRow> rows, TaskOptions options)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            await session.ExecuteLaterAsync(MonthlyTable.Sql(PostgreSqlInsert, month), Arrays(rows, options));
            return;
        }

        var parameters = rows.Select((row, i) => Row(row.Task, row.Actor, i)).ToArray();
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteInsert, month), parameters);
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteEvent, month), parameters);
        await TaskQueueRows.InsertAsync(
            session,
            [
                .. rows.Where(row => row.Task.State == TaskState.Queued)
                    .Select(row => new TaskQueueEntry(row.Task, row.Task.RunAt, 0, row.Waits)),
            ],
            options);
    }

    private static object Arrays(IReadOnlyList<NewRow> rows, TaskOptions options) => new
    {
        ids = rows.Select(row => row.Task.Id).ToArray(),
        eventIds = rows.Select((_, i) => RowId.New(rows[i].Task.UpdatedAt, i)).ToArray(),
        types = rows.Select(row => row.Task.Type).ToArray(),
        payloads = rows.Select(row => row.Task.Payload).ToArray(),
        priorities = rows.Select(row => row.Task.Priority).ToArray(),
        maxAttempts = rows.Select(row => row.Task.MaxAttempts).ToArray(),
        runAts = rows.Select(row => row.Task.RunAt).ToArray(),
        timeouts = rows.Select(row => row.Task.TimeoutMs).ToArray(),
        queuedAts = Given(rows, row => row.Task.QueuedAt),
        parents = Given(rows, row => row.Task.ParentId),
        labels = rows.Select(row => row.Task.Labels).ToArray(),
        traces = Given(rows, row => row.Task.TraceId),
        spans = Given(rows, row => row.Task.SpanId),
        states = rows.Select(row => TaskMoves.Word(row.Task.State)).ToArray(),
        actors = rows.Select(row => row.Actor).ToArray(),
        created = rows.Select(row => row.Task.CreatedAt).ToArray(),
        uniqueKeys = Given(rows, row => row.Task.UniqueKey),
        dependsOn = Given(rows, row => row.Task.DependsOn),
        rules = Given(rows, row => row.Task.OnParentFailure),
        chains = Given(rows, row => row.Task.Chain == 0 ? (int?)null : row.Task.Chain),
        schedules = Given(rows, row => row.Task.ScheduleId),
        runAtMs = rows.Select(row => row.Task.RunAt.ToUnixTimeMilliseconds()).ToArray(),
        tenants = Given(rows, row => options.TenantOf(row.Task.Labels) is { Length: > 0 } tenant ? tenant : null),
        waits = Given(rows, row => row.Waits == 0 ? (int?)null : row.Waits),
        step = (long)options.PriorityStepMs,
        at = rows[0].Task.UpdatedAt,
    };

    /// <summary>Empty, which stands for as many nulls, when none of the rows has the value.</summary>
    private static T[] Given<T>(IReadOnlyList<NewRow> rows, Func<NewRow, T> value)
    {
        var values = rows.Select(value).ToArray();
        return Array.TrueForAll(values, one => one is null) ? [] : values;
    }

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

/// <summary>A task to be written.</summary>
/// <param name="Waits">Parents that have not ended.</param>
internal sealed record NewRow(AiTask Task, string Actor, int Waits);
