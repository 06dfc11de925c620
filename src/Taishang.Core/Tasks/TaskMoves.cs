using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Writes transitions, one or many: the task's row and the line of its trail change together or not at all. The caller
/// holds the locks and has asked the table of transitions. PostgreSQL takes a batch in one statement, because each
/// costs a round trip; SQLite takes it row by row with statements that stay prepared.
/// </summary>
internal static class TaskMoves
{
    /// <summary>Of moves of one kind. An array that is empty stands for as many nulls.</summary>
    private const string PostgreSqlMove = """
        WITH r AS (
            SELECT * FROM unnest(
                @ids, @eventIds, @attempts, @fences, @reasons, @results, @errors, @progress, @runAts, @tokens, @aiMs)
            AS r (id, event_id, attempt, fence, reason, result, error_msg, progress, run_at, tokens, ai_ms)),
        moved AS (
            UPDATE tai_tasks_{month} t SET
                status = @status,
                queued_at = CASE @toState WHEN 'parked' THEN NULL WHEN 'queued' THEN @at ELSE t.queued_at END,
                started_at = CASE @toState WHEN 'running' THEN @at ELSE t.started_at END,
                completed_at = CASE WHEN @toState IN ('completed', 'failed', 'cancelled') THEN @at END,
                run_at = coalesce(r.run_at, t.run_at),
                attempt = r.attempt,
                fence = coalesce(r.fence, t.fence),
                result = CASE @toState WHEN 'completed' THEN r.result END,
                error_msg = CASE @toState WHEN 'running' THEN t.error_msg ELSE r.error_msg END,
                progress = coalesce(r.progress, t.progress),
                progress_rate = CASE @toState WHEN 'running' THEN t.progress_rate END,
                cost_tokens = coalesce(r.tokens, t.cost_tokens),
                cost_ai_ms = coalesce(r.ai_ms, t.cost_ai_ms),
                updated_at = @at,
                trail = t.trail + 1
            FROM r WHERE t.id = r.id AND t.id = ANY(@ids)
            RETURNING r.event_id, r.reason, t.*),
        trail AS (
            INSERT INTO tai_task_events_{month}
                (id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, feed, created_at)
            SELECT event_id, id, trail, @word, @fromState, @toState, attempt, @actor, reason, tai_feed(), @at
            FROM moved)

        """;

    internal const string PostgreSqlMoveRows = PostgreSqlMove + $"SELECT {TaskStore.Columns} FROM moved";

    private const string PostgreSqlMoveLinked = PostgreSqlMove + """
        SELECT id FROM moved
        WHERE @toState IN ('completed', 'failed', 'cancelled')
            AND (unique_key IS NOT NULL OR depends_on IS NOT NULL OR dependents > 0)
        """;

    private const string SqliteRows = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE id IN @ids";

    private const string SqliteMove = """
        UPDATE tai_tasks_{month} SET
            status = @status,
            queued_at = CASE @toState WHEN 'parked' THEN NULL WHEN 'queued' THEN @at ELSE queued_at END,
            started_at = CASE @toState WHEN 'running' THEN @at ELSE started_at END,
            completed_at = CASE WHEN @toState IN ('completed', 'failed', 'cancelled') THEN @at END,
            run_at = coalesce(@runAt, run_at),
            attempt = @attempt,
            fence = coalesce(@fence, fence),
            result = CASE @toState WHEN 'completed' THEN @result END,
            error_msg = CASE @toState WHEN 'running' THEN error_msg ELSE @errorMsg END,
            progress = coalesce(@progress, progress),
            progress_rate = CASE @toState WHEN 'running' THEN progress_rate END,
            cost_tokens = coalesce(@tokens, cost_tokens),
            cost_ai_ms = coalesce(@aiMs, cost_ai_ms),
            updated_at = @at,
            trail = trail + 1
        WHERE id = @id
        """;

    private const string SqliteLinked = """
        SELECT id FROM tai_tasks_{month}
        WHERE id IN @ids AND (unique_key IS NOT NULL OR depends_on IS NOT NULL OR dependents > 0)
        """;

    private const string SqliteEvent = """
        INSERT INTO tai_task_events_{month}
            (id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, feed, created_at)
        SELECT @eventId, id, trail, @word, @fromState, @toState, @attempt, @actor, @reason, tai_feed(), @at
        FROM tai_tasks_{month} WHERE id = @id
        """;

    /// <summary>A line of the trail that changes no state, such as a stop that was asked for.</summary>
    private const string Note = """
        UPDATE tai_tasks_{month} SET trail = trail + 1, updated_at = @at WHERE id = @id
        """;

    private const string NoteEvent = """
        INSERT INTO tai_task_events_{month}
            (id, task_id, seq, verb, from_state, to_state, attempt, actor, reason, feed, created_at)
        SELECT @eventId, id, trail, @word, @state, @state, attempt, @actor, @reason, tai_feed(), @at
        FROM tai_tasks_{month} WHERE id = @id
        """;

    /// <summary>
    /// Returns those that ended and have a key or others that wait: <see cref="TaskLinks.EndAsync"/> is for them.
    /// </summary>
    public static async Task<IReadOnlyList<string>> WriteAsync(
        DatabaseSession session, IReadOnlyList<TaskMove> moves, DateTimeOffset at)
    {
        var linked = new List<string>();
        foreach (var month in moves.GroupBy(move => MonthOf(move.Id)))
        {
            var rows = month.ToArray();
            if (session.Dialect == Dialect.PostgreSql)
            {
                var sql = MonthlyTable.Sql(PostgreSqlMoveLinked, month.Key);
                foreach (var kind in rows.GroupBy(row => (row.Word, row.From, row.To, row.Actor)))
                    linked.AddRange(await session.QueryAsync<string>(sql, Arrays([.. kind], at)));
                continue;
            }

            await WriteRowsAsync(session, month.Key, rows, at);
            var ids = rows.Where(row => TaskTransitions.IsEnded(row.To)).Select(row => row.Id).ToArray();
            if (ids.Length == 0) continue;
            linked.AddRange(await session.QueryAsync<string>(MonthlyTable.Sql(SqliteLinked, month.Key), new { ids }));
        }

        return linked;
    }

    /// <summary>
    /// Writes moves of one kind that end nothing, as the last of a write, and returns the tasks as they are after it,
    /// in any order.
    /// </summary>
    public static async Task<IReadOnlyList<AiTask>> WriteLastAsync(
        DatabaseSession session, IReadOnlyList<TaskMove> moves, DateTimeOffset at)
    {
        var tasks = new List<AiTask>(moves.Count);
        var months = moves.GroupBy(move => MonthOf(move.Id)).ToArray();
        foreach (var month in months)
        {
            var rows = month.ToArray();
            if (session.Dialect == Dialect.PostgreSql)
            {
                var sql = MonthlyTable.Sql(PostgreSqlMoveRows, month.Key);
                tasks.AddRange(month == months[^1]
                    ? await session.QueryLastAsync<AiTask>(sql, Arrays(rows, at))
                    : await session.QueryAsync<AiTask>(sql, Arrays(rows, at)));
                continue;
            }

            await WriteRowsAsync(session, month.Key, rows, at);
            tasks.AddRange(await session.QueryAsync<AiTask>(
                MonthlyTable.Sql(SqliteRows, month.Key), new { ids = Array.ConvertAll(rows, row => row.Id) }));
        }

        return tasks;
    }

    /// <summary>Adds a line to the trail without a change of state.</summary>
    public static async Task NoteAsync(
        DatabaseSession session, AiTask task, string word, string actor, string? reason)
    {
        var month = MonthOf(task.Id);
        var at = await session.NowAsync();
        var parameters = new
        {
            id = task.Id,
            eventId = RowId.New(at),
            word,
            state = Word(task.State),
            actor,
            reason,
            at,
        };
        await session.ExecuteAsync(MonthlyTable.Sql(Note, month), parameters);
        await session.ExecuteAsync(MonthlyTable.Sql(NoteEvent, month), parameters);
    }

    /// <summary>The word of a state in the trail and in the statements here.</summary>
    public static string Word(TaskState state) => state switch
    {
        TaskState.Parked => "parked",
        TaskState.Queued => "queued",
        _ => TaskTransitions.Status(state),
    };

    public static Month MonthOf(string taskId) => Month.OfId(taskId)
        ?? throw new InvalidOperationException($"{taskId} is not the id of a task");

    private static async Task WriteRowsAsync(DatabaseSession session, Month month, TaskMove[] rows, DateTimeOffset at)
    {
        var parameters = rows.Select((row, i) => Row(row, at, i)).ToArray();
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteMove, month), parameters);
        await session.ExecuteAsync(MonthlyTable.Sql(SqliteEvent, month), parameters);
    }

    internal static object Arrays(TaskMove[] rows, DateTimeOffset at) => new
    {
        word = rows[0].Word,
        fromState = Word(rows[0].From),
        toState = Word(rows[0].To),
        status = TaskTransitions.Status(rows[0].To),
        actor = rows[0].Actor,
        ids = Array.ConvertAll(rows, row => row.Id),
        eventIds = rows.Select((_, i) => RowId.New(at, i)).ToArray(),
        attempts = Array.ConvertAll(rows, row => row.Attempt),
        fences = Given(rows, row => row.Fence),
        reasons = Given(rows, row => row.Reason),
        results = Given(rows, row => row.Result),
        errors = Given(rows, row => row.ErrorMsg),
        progress = Given(rows, row => row.Progress),
        runAts = Given(rows, row => row.RunAt),
        tokens = Given(rows, row => row.Tokens),
        aiMs = Given(rows, row => row.AiMs),
        at,
    };

    /// <summary>Empty when none of the rows has the value.</summary>
    private static T[] Given<T>(TaskMove[] rows, Converter<TaskMove, T> value)
    {
        var values = Array.ConvertAll(rows, value);
        return Array.TrueForAll(values, one => one is null) ? [] : values;
    }

    private static object Row(TaskMove row, DateTimeOffset at, int ordinal) => new
    {
        id = row.Id,
        eventId = RowId.New(at, ordinal),
        word = row.Word,
        fromState = Word(row.From),
        toState = Word(row.To),
        status = TaskTransitions.Status(row.To),
        actor = row.Actor,
        attempt = row.Attempt,
        fence = row.Fence,
        reason = row.Reason,
        result = row.Result,
        errorMsg = row.ErrorMsg,
        progress = row.Progress,
        runAt = row.RunAt,
        tokens = row.Tokens,
        aiMs = row.AiMs,
        at,
    };
}
