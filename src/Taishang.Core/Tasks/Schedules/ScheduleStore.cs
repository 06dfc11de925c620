using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>All SQL of schedules.</summary>
internal sealed class ScheduleStore(Database database)
{
    /// <summary>Schedules that may exist.</summary>
    public const int CountMax = 10_000;

    public static readonly string[] FilterFields = ["name", "type", "paused"];

    public static readonly string[] SortFields = ["name", "created_at", "next_run_at"];

    private const string Columns = """
        id, name, cron, time_zone, missed, overlap, paused, type, payload, priority, max_attempts, timeout_ms, labels,
        next_run_ms, last_run_at, last_task_id, skipped, last_error, created_at, updated_at
        """;

    private const string Matches = """
        (@name IS NULL OR name = @name) AND (@type IS NULL OR type = @type) AND (@paused IS NULL OR paused = @paused)
        """;

    // The casts give the server types for parameters that are null.
    private const string PostgreSqlMatches = """
        (@name::text IS NULL OR name = @name) AND (@type::text IS NULL OR type = @type)
        AND (@paused::int IS NULL OR paused = @paused)
        """;

    private const string Insert = """
        INSERT INTO tai_task_schedules
            (id, name, cron, time_zone, missed, overlap, paused, type, payload, priority, max_attempts, timeout_ms,
            labels, next_run_ms, created_at, updated_at)
        VALUES (@Id, @Name, @Cron, @TimeZone, @Missed, @Overlap, @Paused, @Type, @Payload, @Priority, @MaxAttempts,
            @TimeoutMs, @Labels, @NextRunMs, @CreatedAt, @UpdatedAt)
        """;

    private const string Update = """
        UPDATE tai_task_schedules SET
            name = @Name, cron = @Cron, time_zone = @TimeZone, missed = @Missed, overlap = @Overlap, paused = @Paused,
            payload = @Payload, priority = @Priority, max_attempts = @MaxAttempts, timeout_ms = @TimeoutMs,
            labels = @Labels, next_run_ms = @NextRunMs, last_error = NULL, updated_at = @UpdatedAt
        WHERE id = @Id
        """;

    private const string Due = $"""
        SELECT {Columns} FROM tai_task_schedules WHERE paused = 0 AND next_run_ms <= (SELECT tai_now_ms())
        ORDER BY next_run_ms, id LIMIT @max
        """;

    /// <summary>Of all that see a time due, one gets past this.</summary>
    private const string Advance = """
        UPDATE tai_task_schedules SET
            next_run_ms = @nextMs, skipped = skipped + @skipped, last_error = NULL,
            last_run_at = coalesce(@ranAt, last_run_at)
        WHERE id = @id AND next_run_ms = @dueMs AND paused = 0
        """;

    /// <summary>Those whose tasks name a model, paused ones too.</summary>
    public Task<IReadOnlyList<NamedReference>> NamingModelsAsync(int max, CancellationToken cancellation) =>
        database.ReadAsync(
            session =>
            {
                var model = NamedReference.ModelOf(session.Dialect);
                return session.QueryAsync<NamedReference>(
                    $"""
                    SELECT id, name, {model} AS reference FROM tai_task_schedules
                    WHERE payload LIKE '%"model"%' AND {model} IS NOT NULL ORDER BY name LIMIT @max
                    """,
                    new { max });
            },
            cancellation);

    public Task<TaskSchedule?> FindAsync(string id, CancellationToken cancellation) =>
        database.ReadAsync(session => FindAsync(session, id), cancellation);

    public static Task<TaskSchedule?> FindAsync(DatabaseSession session, string id, bool locked = false) =>
        session.FindAsync<TaskSchedule>(
            $"SELECT {Columns} FROM tai_task_schedules WHERE id = @id"
            + (locked && session.Dialect == Dialect.PostgreSql ? " FOR UPDATE" : ""),
            new { id });

    public Task<(IReadOnlyList<TaskSchedule> Rows, long Total)> ListAsync(
        ListQuery query, int? paused, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var parameters = new
                {
                    name = query.Filter("name"),
                    type = query.Filter("type"),
                    paused,
                    take = query.PageSize,
                    skip = query.Skip,
                };
                var matches = session.Dialect == Dialect.Sqlite ? Matches : PostgreSqlMatches;
                var rows = await session.QueryAsync<TaskSchedule>(
                    $"SELECT {Columns} FROM tai_task_schedules WHERE {matches} {Order(query.Sort)} "
                    + "LIMIT @take OFFSET @skip",
                    parameters);
                var total = await session.ScalarAsync<long>(
                    $"SELECT count(*) FROM tai_task_schedules WHERE {matches}", parameters);
                return (rows, total);
            },
            cancellation);

    /// <summary>The row, or the one that an earlier try of the same request wrote.</summary>
    /// <exception cref="ApiException">The name is another's, or there are too many.</exception>
    public async Task<TaskSchedule> CreateAsync(TaskSchedule row, CancellationToken cancellation)
    {
        try
        {
            await database.WriteAsync(
                async session =>
                {
                    var count = await session.ScalarAsync<long>("SELECT count(*) FROM tai_task_schedules");
                    if (count >= CountMax)
                        throw new ApiException(ErrorCodes.ScheduleInvalid, $"at most {CountMax} schedules are kept");
                    await session.ExecuteAsync(Insert, row);
                },
                cancellation);
            return row;
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            return await FindAsync(row.Id, cancellation) ?? throw Exists(row.Name, e);
        }
    }

    /// <summary>Changes a row as the function says, while nobody else does.</summary>
    /// <exception cref="ApiException">No such schedule, or the new name is another's.</exception>
    public async Task<TaskSchedule> ChangeAsync(
        string id, Func<TaskSchedule, DateTimeOffset, TaskSchedule> change, CancellationToken cancellation)
    {
        var name = "";
        try
        {
            return await database.WriteAsync(
                async session =>
                {
                    var row = await FindAsync(session, id, locked: true) ?? throw NotFound(id);
                    var changed = change(row, await session.NowAsync());
                    name = changed.Name;
                    await session.ExecuteAsync(Update, changed);
                    return changed;
                },
                cancellation);
        }
        catch (Exception e) when (DatabaseFailure.IsUniqueViolation(e))
        {
            throw Exists(name, e);
        }
    }

    /// <exception cref="ApiException">No such schedule.</exception>
    public async Task DeleteAsync(string id, CancellationToken cancellation)
    {
        var gone = await database.WriteAsync(
            session => session.ExecuteAsync("DELETE FROM tai_task_schedules WHERE id = @id", new { id }), cancellation);
        if (gone == 0) throw NotFound(id);
    }

    public Task<IReadOnlyList<TaskSchedule>> DueAsync(int max, CancellationToken cancellation) =>
        database.ReadAsync(session => session.QueryAsync<TaskSchedule>(Due, new { max }), cancellation);

    /// <summary>Takes the due time for the caller's transaction; false when another has.</summary>
    public static async Task<bool> AdvanceAsync(
        DatabaseSession session, TaskSchedule schedule, DueTimes times, DateTimeOffset now) =>
        await session.ExecuteAsync(Advance, new
        {
            id = schedule.Id,
            dueMs = schedule.NextRunMs,
            nextMs = times.Next?.ToUnixTimeMilliseconds(),
            skipped = times.Skipped,
            ranAt = times.Fire.Count > 0 ? now : (DateTimeOffset?)null,
        }) == 1;

    /// <summary>Notes what came of the times that fired.</summary>
    public static Task FiredAsync(DatabaseSession session, string id, string? lastTaskId, long skipped) =>
        session.ExecuteAsync(
            """
            UPDATE tai_task_schedules SET
                last_task_id = coalesce(@lastTaskId, last_task_id), skipped = skipped + @skipped
            WHERE id = @id
            """,
            new { id, lastTaskId, skipped });

    public Task FailedAsync(string id, string error, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.ExecuteAsync(
                "UPDATE tai_task_schedules SET last_error = @error WHERE id = @id", new { id, error }),
            cancellation);

    public static ApiException NotFound(string id) =>
        new(ErrorCodes.ScheduleNotFound, $"no such schedule: {(id.Length <= 64 ? id : id[..64] + "…")}");

    private static ApiException Exists(string name, Exception inner) =>
        new(ErrorCodes.ScheduleExists, $"name: a schedule '{name}' exists",
            [new FieldError("name", ErrorCodes.ScheduleExists.Number, "taken")], inner: inner);

    private static string Order(ListSort? sort) => sort switch
    {
        { Field: "name", Descending: false } => "ORDER BY name",
        { Field: "name", Descending: true } => "ORDER BY name DESC",
        { Field: "next_run_at", Descending: false } => "ORDER BY next_run_ms, id",
        { Field: "next_run_at", Descending: true } => "ORDER BY next_run_ms DESC, id DESC",
        { Field: "created_at", Descending: false } => "ORDER BY id",
        _ => "ORDER BY id DESC",
    };
}
