using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>
/// What a user does to a task: start, stop, cancel, retry, change, delete. Locks are taken in one order everywhere,
/// the queue's row before the task's, so that verbs, claims and settlements never wait for each other in a ring.
/// </summary>
internal sealed class TaskVerbs(
    Database database, TaskStore store, TaskLinks links, TaskSignals signals, TaskDepth depth, TimeProvider time,
    IOptions<TaskOptions> options)
{
    /// <summary>A task that starts to live between two reads is read again; it can not do so for ever.</summary>
    private const int LookMax = 5;

    private const string FindLive = "SELECT state, wish FROM tai_task_queue WHERE task_id = @id";

    private const string FindTask = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE id = @id";

    private const string Locked = " FOR UPDATE";

    private const string Mark = "SAVEPOINT look;\n";

    private const string BackToMark = "ROLLBACK TO SAVEPOINT look";

    private const string SetWish = """
        UPDATE tai_task_queue SET wish = @wish, wish_by = @actor WHERE task_id = @id AND state = 'running'
        """;

    private const string UpdateTask = """
        UPDATE tai_tasks_{month} SET
            priority = @priority, run_at = @runAt, payload = @payload, labels = @labels,
            checkpoint = CASE WHEN @anew THEN NULL ELSE checkpoint END,
            progress = CASE WHEN @anew THEN 0 ELSE progress END
        WHERE id = @id
        """;

    private const string UpdateQueue = """
        UPDATE tai_task_queue SET
            priority = @priority, run_at_ms = @runAtMs, rank_ms = @runAtMs - @priority * @step, tenant = @tenant
        WHERE task_id = @id AND state = 'queued'
        """;

    private const string DeleteTask = "DELETE FROM tai_tasks_{month} WHERE id = @id";

    private const string DeleteEvents = "DELETE FROM tai_task_events_{month} WHERE task_id = @id";

    private const string DeleteLogs = "DELETE FROM tai_task_logs_{month} WHERE task_id = @id";

    private const string DeleteAnswers = "DELETE FROM tai_task_answers_{month} WHERE task_id = @id";

    private const string DeleteCosts = "DELETE FROM tai_task_costs_{month} WHERE task_id = @id";

    private static readonly TimeSpan LookPause = TimeSpan.FromMilliseconds(20);

    private readonly TaskOptions _options = options.Value;

    /// <summary>
    /// Does the verb and returns the status after it. Stop and cancel of a running task ask its worker, wait a moment
    /// for it to let go, and else answer <c>running</c>.
    /// </summary>
    /// <exception cref="ApiException">No such task, or the table of transitions does not have it.</exception>
    public async Task<string> DoAsync(string id, TaskVerb verb, string actor, CancellationToken cancellation)
    {
        if (await store.MonthAsync(id, cancellation) is not { } month) throw TaskStore.NotFound(id);
        if (verb is TaskVerb.Start or TaskVerb.Retry) depth.RequireRoom(1);
        var state = await database.WriteAsync(session => DoAsync(session, id, month, verb, actor), cancellation);
        if (state == TaskState.Queued) signals.WorkEverywhere();
        if (state != TaskState.Running) return TaskTransitions.Status(state);
        signals.WishEverywhere();
        return await WaitAsync(id, cancellation);
    }

    /// <summary>Changes a pending task.</summary>
    /// <exception cref="ApiException">No such task, or it is not pending.</exception>
    public async Task<AiTask> UpdateAsync(string id, TaskChange change, string actor, CancellationToken cancellation)
    {
        if (await store.MonthAsync(id, cancellation) is not { } month) throw TaskStore.NotFound(id);
        await database.WriteAsync(
            async session =>
            {
                var (task, _) = await LockAsync(session, id, month);
                if (task.State is not (TaskState.Parked or TaskState.Queued))
                    throw Refused(task, "update", "pending");
                var at = await session.NowAsync();
                var runAt = change.RunAt is { } later ? later > at ? later : at : task.RunAt;
                // What was saved belongs to the payload that was: of another one it would skip what nobody has done.
                var anew = change.PayloadJson is { } payload && payload != task.Payload;
                if (anew) await session.ExecuteAsync(MonthlyTable.Sql(DeleteAnswers, month), new { id });
                var values = new
                {
                    id,
                    anew,
                    runAt,
                    runAtMs = runAt.ToUnixTimeMilliseconds(),
                    priority = change.Priority ?? task.Priority,
                    payload = change.PayloadJson ?? task.Payload,
                    labels = change.LabelsJson ?? task.Labels,
                    step = (long)_options.PriorityStepMs,
                    tenant = _options.TenantOf(change.LabelsJson ?? task.Labels),
                };
                await session.ExecuteAsync(MonthlyTable.Sql(UpdateTask, month), values);
                await session.ExecuteAsync(UpdateQueue, values);
                await TaskMoves.NoteAsync(session, task, "update", actor, null);
            },
            cancellation);
        signals.WorkEverywhere();
        return await store.GetAsync(id, cancellation);
    }

    /// <summary>Deletes an ended task with its trail.</summary>
    /// <exception cref="ApiException">No such task, or it has not ended.</exception>
    public async Task DeleteAsync(string id, CancellationToken cancellation)
    {
        if (await store.MonthAsync(id, cancellation) is not { } month) throw TaskStore.NotFound(id);
        await database.WriteAsync(
            async session =>
            {
                var (task, _) = await LockAsync(session, id, month);
                if (task.IsLive) throw Refused(task, "delete", "completed, failed or cancelled");
                await session.ExecuteAsync(MonthlyTable.Sql(DeleteTask, month), new { id });
                await session.ExecuteAsync(MonthlyTable.Sql(DeleteEvents, month), new { id });
                await session.ExecuteAsync(MonthlyTable.Sql(DeleteLogs, month), new { id });
                await session.ExecuteAsync(MonthlyTable.Sql(DeleteAnswers, month), new { id });
                await session.ExecuteAsync(MonthlyTable.Sql(DeleteCosts, month), new { id });
            },
            cancellation);
    }

    private async Task<TaskState> DoAsync(
        DatabaseSession session, string id, Month month, TaskVerb verb, string actor)
    {
        var (task, live) = await LockAsync(session, id, month);
        var to = TaskTransitions.Require(id, task.State, verb);
        if (task.State == TaskState.Running)
        {
            await WishAsync(session, task, verb, live?.Wish, actor);
            return TaskState.Running;
        }

        var at = await session.NowAsync();
        var again = verb == TaskVerb.Retry;
        var runAt = !again && task.RunAt > at ? task.RunAt : at;
        var attempt = again ? 0 : task.Attempt;
        if (to == TaskState.Queued)
        {
            var waits = await TieAgainAsync(session, task, verb);
            await TaskQueueRows.InsertAsync(
                session, [new TaskQueueEntry(task, runAt, attempt, waits)], _options);
            session.AfterCommit(() => depth.Move(1));
        }
        else if (task.State == TaskState.Queued)
        {
            await TaskQueueRows.DeleteAsync(session, [id]);
            session.AfterCommit(() => depth.Move(-1));
        }

        var move = new TaskMove(id, TaskTransitions.Word(verb), task.State, to, actor)
        {
            Attempt = attempt,
            RunAt = to == TaskState.Queued ? runAt : null,
            // What was saved is gone on with, so the progress that belongs to it stays.
            Progress = again && task.Checkpoint is null ? 0 : null,
        };
        var linked = await TaskMoves.WriteAsync(session, [move], at);
        if (to == TaskState.Cancelled)
            await TaskFigures.AddAsync(session, [new TaskOutcome(task.Type, TaskOutcome.Cancelled)], at);
        await links.EndAsync(session, linked, at);
        return to;
    }

    /// <summary>
    /// A task that is queued again takes its key again, and waits for those of its parents that are live. How the
    /// others ended is not asked again: who starts or retries it knows.
    /// </summary>
    private async Task<int> TieAgainAsync(DatabaseSession session, AiTask task, TaskVerb verb)
    {
        if (verb == TaskVerb.Retry && task.UniqueKey is { } key
            && await TaskLinks.TakeKeyAsync(session, task.Type, key, task.Id) is { } holder && holder != task.Id)
        {
            throw new ApiException(
                ErrorCodes.TaskUniqueKeyTaken,
                $"retry: task {holder} is live and has the unique key '{key}' (task {task.Id})");
        }

        return task.DependsOn is null
            ? 0
            : (await links.TieAsync(session, task.Id, task.Parents, mustExist: false)).Waits;
    }

    private static async Task WishAsync(
        DatabaseSession session, AiTask task, TaskVerb verb, string? standing, string actor)
    {
        var wish = verb == TaskVerb.Cancel ? TaskWish.Cancel : TaskWish.Stop;
        if (standing == wish) return;
        if (standing == TaskWish.Cancel)
        {
            throw TaskTransitions.Conflict(
                task.Id, wish,
                "the task is running and being cancelled, from which there is no way to pending (parked)");
        }

        await session.ExecuteAsync(SetWish, new { id = task.Id, wish, actor });
        await TaskMoves.NoteAsync(session, task, wish, actor, "asked of the running task's worker");
    }

    /// <summary>The task and its place in the queue, both locked and seen at one moment.</summary>
    private static async Task<(AiTask Task, LiveRow? Live)> LockAsync(
        DatabaseSession session, string id, Month month)
    {
        var isServer = session.Dialect == Dialect.PostgreSql;
        var lockRows = isServer ? Locked : "";
        for (var look = 0; look < LookMax; look++)
        {
            var live = await session.FindAsync<LiveRow>((isServer ? Mark : "") + FindLive + lockRows, new { id });
            var task = await session.FindAsync<AiTask>(MonthlyTable.Sql(FindTask, month) + lockRows, new { id })
                ?? throw TaskStore.NotFound(id);
            // Without the queue's row the task must be parked or ended; otherwise it got there in between.
            if ((live is not null) == (task.State is TaskState.Queued or TaskState.Running)) return (task, live);
            // The task's lock goes before the queue's is asked for again: held the other way round, it would meet a
            // claim in a ring.
            if (isServer) await session.ExecuteAsync(BackToMark);
        }

        throw new ApiException(ErrorCodes.DatabaseUnavailable, $"task {id} changes faster than it can be read");
    }

    private async Task<string> WaitAsync(string id, CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var task = await store.GetAsync(id, cancellation);
            if (task.State != TaskState.Running) return task.Status;
            if (time.GetElapsedTime(started).TotalMilliseconds >= _options.VerbWaitMs) return task.Status;
            await Task.Delay(LookPause, time, cancellation);
        }
    }

    private static ApiException Refused(AiTask task, string verb, string expected) => new(
        ErrorCodes.TaskTransition,
        $"{verb}: expected a task that is {expected}, this one is {TaskTransitions.Describe(task.State)}"
        + $" (task {task.Id})");

    private sealed class LiveRow
    {
        public required string State { get; init; }

        public string? Wish { get; init; }
    }
}

/// <summary>What a change of a pending task gives anew; null keeps.</summary>
internal sealed record TaskChange(int? Priority, DateTimeOffset? RunAt, string? PayloadJson, string? LabelsJson);
