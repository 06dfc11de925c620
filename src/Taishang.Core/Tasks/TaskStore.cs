using System.Text.Json;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Tasks as rows: created, read, listed. What moves them is in <see cref="TaskVerbs"/> and the queue.
/// </summary>
public sealed class TaskStore(
    Database database, MonthlyTables tables, TaskSignals signals, TaskDepth depth, TaskMetrics metrics,
    TaskLinks links, IOptions<TaskOptions> options)
{
    internal const string Columns = """
        id, type, status, payload, result, error_msg, progress, progress_rate, progress_at, priority, attempt,
        max_attempts, run_at, timeout_ms, queued_at, started_at, completed_at, parent_id, labels, trace_id, span_id,
        cost_tokens, cost_ai_ms, checkpoint, fence, trail, unique_key, depends_on, on_parent_failure, chain,
        schedule_id, created_at, updated_at
        """;

    private const string Find = $"SELECT {Columns} FROM tai_tasks_{{month}} WHERE id = @id";

    private const string Events = """
        SELECT id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, created_at
        FROM tai_task_events_{month} WHERE task_id = @id
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
        var made = new AiTask[tasks.Count];
        var rows = new List<NewRow>(tasks.Count);
        var ties = new Dictionary<string, TaskTies>();
        for (var i = 0; i < tasks.Count; i++)
        {
            var id = tasks[i].Id ?? RowId.New(at, i);
            if (await LiveWithKeyAsync(session, tasks[i], id, rows) is { } live)
            {
                made[i] = live;
                continue;
            }

            if (tasks[i].DependsOn is { Count: > 0 } parents)
            {
                var tie = await links.TieAsync(session, id, parents, mustExist: true);
                // Whose rule is to run all the same does not ask how they ended.
                ties[id] = tasks[i].OnParentFailure == ParentFailure.Run ? tie with { Failed = [] } : tie;
            }

            var waitsFor = ties.GetValueOrDefault(id, TaskTies.None);
            made[i] = Make((tasks[i], id), at, waitsFor, trace);
            rows.Add(new NewRow(made[i], tasks[i].Actor, waitsFor.Waits));
        }

        foreach (var month in rows.GroupBy(row => TaskMoves.MonthOf(row.Task.Id)))
        {
            foreach (var table in MonthlyTable.OfTasks) await tables.EnsureAsync(session, table, month.Key);
            await TaskInserts.InsertAsync(session, month.Key, [.. month], _options);
        }

        session.AfterCommit(() =>
        {
            depth.Move(rows.Count(row => row.Task.State == TaskState.Queued));
            foreach (var row in rows) metrics.Created(row.Task.Type);
            signals.WorkEverywhere();
        });
        await links.SufferAsync(
            session, ties.Where(tie => tie.Value.Failed.Count > 0).Select(tie => (tie.Key, tie.Value.Failed[0])), at);
        for (var i = 0; i < made.Length; i++)
        {
            if (ties.GetValueOrDefault(made[i].Id) is { Failed.Count: > 0 })
                made[i] = await FindAsync(session, made[i].Id) ?? made[i];
        }

        return made;
    }

    /// <summary>The task, or null.</summary>
    public async Task<AiTask?> FindAsync(string id, CancellationToken cancellation)
    {
        if (await MonthAsync(id, cancellation) is not { } month) return null;
        try
        {
            return await database.ReadAsync(
                session => session.FindAsync<AiTask>(MonthlyTable.Sql(Find, month), new { id }), cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsMissingTable(e))
        {
            // Another process has dropped the month.
            await tables.RefreshAsync(cancellation);
            return null;
        }
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
                MonthlyTable.Sql(Events, TaskMoves.MonthOf(id)),
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

    /// <summary>The live task that has the new one's unique key; null when the key is now the new one's.</summary>
    private async Task<AiTask?> LiveWithKeyAsync(
        DatabaseSession session, NewTask task, string id, List<NewRow> made)
    {
        if (task.UniqueKey is not { } key) return null;
        if (await TaskLinks.TakeKeyAsync(session, task.Type, key, id) is not { } holder) return null;
        // The holder may be of the same transaction, and not yet written.
        var live = made.Select(row => row.Task).FirstOrDefault(row => row.Id == holder)
            ?? await FindAsync(session, holder)
            ?? throw NotFound(holder);
        return holder == id ? live : live.AsLive();
    }

    private AiTask Make((NewTask Task, string Id) made, DateTimeOffset at, TaskTies ties, TaskTrace? current)
    {
        var (task, id) = made;
        var defaults = _options.Of(task.Type);
        var trace = task.Trace ?? current;
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
            UniqueKey = task.UniqueKey,
            DependsOn = task.DependsOn.Count == 0 ? null : JsonSerializer.Serialize(task.DependsOn),
            OnParentFailure = task.DependsOn.Count == 0 ? null : task.OnParentFailure,
            Chain = ties.Chain,
            ScheduleId = task.ScheduleId,
            // The id's time, so that the month of the one is the month of the other.
            CreatedAt = task.Id is null ? at : RowId.TimeOf(id) ?? at,
            UpdatedAt = at,
        };
    }
}
