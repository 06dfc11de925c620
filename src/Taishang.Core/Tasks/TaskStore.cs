using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Tasks as rows: created, read, listed. What moves them is in <see cref="TaskVerbs"/> and the queue.
/// </summary>
public sealed class TaskStore(
    Database database, MonthlyTables tables, TaskSignals signals, TaskDepth depth, TaskMetrics metrics,
    IOptions<TaskOptions> options)
{
    internal const string Columns = """
        id, type, status, payload, result, error_msg, progress, priority, attempt, max_attempts, run_at, timeout_ms,
        queued_at, started_at, completed_at, parent_id, labels, trace_id, span_id, cost_tokens, cost_ai_ms, checkpoint,
        fence, trail, created_at, updated_at
        """;

    private const string Find = $"SELECT {Columns} FROM tai_tasks_{{month}} WHERE id = @id";

    private const string Events = """
        SELECT id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, created_at
        FROM tai_task_events WHERE task_id = @id
        ORDER BY CASE WHEN @descending THEN -seq ELSE seq END LIMIT @take OFFSET @skip
        """;

    private readonly TaskOptions _options = options.Value;

    /// <summary>
    /// Creates a task inside the caller's transaction: it exists, and is worked on, only if that commits. The payload
    /// is the caller's to check.
    /// </summary>
    /// <exception cref="ApiException">The queue is full.</exception>
    public async Task<AiTask> CreateAsync(DatabaseSession session, NewTask task) =>
        (await CreateAsync(session, [task]))[0];

    /// <summary>Creates tasks inside the caller's transaction, in their order.</summary>
    public async Task<IReadOnlyList<AiTask>> CreateAsync(DatabaseSession session, IReadOnlyList<NewTask> tasks)
    {
        depth.RequireRoom(tasks.Count);
        var at = await session.NowAsync();
        var trace = TaskTrace.Current;
        var rows = tasks.Select((task, i) => (Task: Make(task, at, i, trace), task.Actor)).ToArray();
        foreach (var month in rows.GroupBy(row => TaskMoves.MonthOf(row.Task.Id)))
        {
            await tables.EnsureAsync(session, MonthlyTable.Tasks, month.Key);
            await TaskInserts.InsertAsync(session, month.Key, [.. month]);
        }

        TaskQueueEntry[] entries = [.. rows.Where(row => row.Task.State == TaskState.Queued)
            .Select(row => new TaskQueueEntry(row.Task, row.Task.RunAt, 0))];
        await TaskQueueRows.InsertAsync(session, entries, _options.PriorityStepMs);
        session.AfterCommit(() =>
        {
            depth.Move(entries.Length);
            foreach (var row in rows) metrics.Created(row.Task.Type);
            signals.WorkEverywhere();
        });
        return Array.ConvertAll(rows, row => row.Task);
    }

    /// <summary>The task, or null.</summary>
    public async Task<AiTask?> FindAsync(string id, CancellationToken cancellation)
    {
        if (await MonthAsync(id, cancellation) is not { } month) return null;
        return await database.ReadAsync(
            session => session.FindAsync<AiTask>(MonthlyTable.Sql(Find, month), new { id }), cancellation);
    }

    /// <summary>The task as the caller's transaction sees it, or null.</summary>
    public async Task<AiTask?> FindAsync(DatabaseSession session, string id) =>
        Month.OfId(id) is { } month && tables.IsKnown(MonthlyTable.Tasks, month)
            ? await session.FindAsync<AiTask>(MonthlyTable.Sql(Find, month), new { id })
            : null;

    /// <exception cref="ApiException">No such task.</exception>
    public async Task<AiTask> GetAsync(string id, CancellationToken cancellation) =>
        await FindAsync(id, cancellation) ?? throw NotFound(id);

    /// <summary>The lines of a task's trail, oldest first unless told otherwise.</summary>
    /// <exception cref="ApiException">No such task.</exception>
    internal async Task<(IReadOnlyList<TaskEvent> Events, long Total)> EventsAsync(
        string id, ListQuery query, CancellationToken cancellation)
    {
        var task = await GetAsync(id, cancellation);
        var events = await database.ReadAsync(
            session => session.QueryAsync<TaskEvent>(
                Events,
                new { id, take = query.PageSize, skip = query.Skip, descending = query.Sort?.Descending ?? false }),
            cancellation);
        return (events, task.Trail);
    }

    /// <summary>The month of an id when its table exists, here or made by another process meanwhile.</summary>
    internal async Task<Month?> MonthAsync(string id, CancellationToken cancellation)
    {
        if (Month.OfId(id) is not { } month) return null;
        if (tables.IsKnown(MonthlyTable.Tasks, month)) return month;
        await tables.RefreshAsync(cancellation);
        return tables.IsKnown(MonthlyTable.Tasks, month) ? month : null;
    }

    internal static ApiException NotFound(string id) =>
        new(ErrorCodes.TaskNotFound, $"no such task: {(id.Length <= 64 ? id : id[..64] + "…")}");

    private AiTask Make(NewTask task, DateTimeOffset at, int ordinal, TaskTrace? current)
    {
        var defaults = _options.Of(task.Type);
        var trace = task.Trace ?? current;
        var id = task.Id ?? RowId.New(at, ordinal);
        return new AiTask
        {
            Id = id,
            Type = task.Type,
            Status = "pending",
            Payload = task.PayloadJson,
            Priority = task.Priority,
            MaxAttempts = task.MaxAttempts ?? defaults.MaxAttempts,
            RunAt = task.RunAt is { } runAt && runAt > at ? runAt : at,
            TimeoutMs = task.TimeoutMs ?? defaults.TimeoutMs,
            QueuedAt = task.AutoStart ? at : null,
            ParentId = task.ParentId,
            Labels = task.LabelsJson ?? "{}",
            TraceId = trace?.TraceId,
            SpanId = trace?.SpanId,
            Trail = 1,
            // The id's time, so that the month of the one is the month of the other.
            CreatedAt = task.Id is null ? at : RowId.TimeOf(id) ?? at,
            UpdatedAt = at,
        };
    }
}
