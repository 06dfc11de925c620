using Microsoft.Extensions.Options;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// The queue as a worker sees it: claim, renew, save, settle. A claim takes a lease until which the task is the
/// worker's and a fence that no earlier claim of the task had; each later write compares the fence, so a worker that
/// was taken for dead can write nothing. The database's clock alone says when a lease ends.
/// </summary>
internal sealed class TaskQueue(
    Database database, TaskLinks links, IOptions<TaskOptions> options, TaskDepth depth, TaskMetrics metrics)
{
    internal const string PostgreSqlClaim = TaskQueueRows.ByIndex + """
        WITH picked AS MATERIALIZED (
            SELECT task_id FROM tai_task_queue
            WHERE state = 'queued' AND waits = 0 AND run_at_ms <= (SELECT tai_now_ms()) AND type = ANY(@types)
            ORDER BY rank_ms, task_id LIMIT @max
            FOR UPDATE SKIP LOCKED)
        """ + PostgreSqlTake;

    private const string PostgreSqlClaimPicked = TaskQueueRows.ByIndex + """
        WITH picked AS MATERIALIZED (
            SELECT task_id FROM tai_task_queue
            WHERE task_id = ANY(@picked) AND state = 'queued' AND waits = 0
            ORDER BY task_id FOR UPDATE SKIP LOCKED)
        """ + PostgreSqlTake;

    private const string PostgreSqlTake = """

        UPDATE tai_task_queue q SET
            state = 'running', worker_id = @workerId, fence = q.fence + 1, attempt = q.attempt + 1,
            lease_until_ms = (SELECT tai_now_ms()) + @leaseMs, deadline_ms = (SELECT tai_now_ms()) + q.timeout_ms,
            wish = NULL, wish_by = NULL
        WHERE q.task_id = ANY(ARRAY(SELECT task_id FROM picked))
        RETURNING q.task_id, q.fence, q.attempt, q.rank_ms, (SELECT tai_now()) AS at
        """;

    /// <summary>
    /// The plus keeps SQLite from the index of lanes, by which it would read and sort all that wait for each claim.
    /// </summary>
    internal const string SqliteClaim = """
        UPDATE tai_task_queue SET
            state = 'running', worker_id = @workerId, fence = fence + 1, attempt = attempt + 1,
            lease_until_ms = tai_now_ms() + @leaseMs, deadline_ms = tai_now_ms() + timeout_ms,
            wish = NULL, wish_by = NULL
        WHERE task_id IN (
            SELECT task_id FROM tai_task_queue
            WHERE state = 'queued' AND waits = 0 AND run_at_ms <= tai_now_ms() AND +type IN @types
            ORDER BY rank_ms, task_id LIMIT @max)
        RETURNING task_id, fence, attempt, rank_ms, tai_now() AS at
        """;

    private const string SqliteClaimPicked = """
        UPDATE tai_task_queue SET
            state = 'running', worker_id = @workerId, fence = fence + 1, attempt = attempt + 1,
            lease_until_ms = tai_now_ms() + @leaseMs, deadline_ms = tai_now_ms() + timeout_ms,
            wish = NULL, wish_by = NULL
        WHERE task_id IN @picked AND state = 'queued' AND waits = 0
        RETURNING task_id, fence, attempt, rank_ms, tai_now() AS at
        """;

    private const string PostgreSqlRenew = """
        UPDATE tai_task_queue SET lease_until_ms = (SELECT tai_now_ms()) + @leaseMs
        WHERE worker_id = @workerId AND state = 'running' AND task_id = ANY(@ids)
        RETURNING task_id, fence, wish
        """;

    private const string SqliteRenew = """
        UPDATE tai_task_queue SET lease_until_ms = tai_now_ms() + @leaseMs
        WHERE worker_id = @workerId AND state = 'running' AND task_id IN @ids
        RETURNING task_id, fence, wish
        """;

    private const string Wishes = """
        SELECT task_id, fence, wish FROM tai_task_queue
        WHERE worker_id = @workerId AND state = 'running' AND wish IS NOT NULL
        """;

    private const string Count = """
        SELECT count(CASE WHEN state = 'queued' THEN 1 END) AS queued,
            count(CASE WHEN state = 'running' THEN 1 END) AS running,
            coalesce(tai_now_ms() - min(CASE WHEN state = 'queued' AND waits = 0 THEN run_at_ms END), 0) AS oldest_ms
        FROM tai_task_queue
        """;

    private readonly TaskOptions _options = options.Value;
    private readonly bool _limited = options.Value.HasLimits;

    /// <summary>Takes up to so many due tasks of these types, the most urgent first, as far as limits allow.</summary>
    public Task<IReadOnlyList<ClaimedTask>> ClaimAsync(
        string workerId, string[] types, int max, CancellationToken cancellation) =>
        ClaimAsync(workerId, types, max, _options.Capacity, cancellation);

    /// <param name="free">What this worker has free for tasks with a weight.</param>
    public Task<IReadOnlyList<ClaimedTask>> ClaimAsync(
        string workerId, string[] types, int max, TaskWeight free, CancellationToken cancellation)
    {
        if (types.Length == 0 || max < 1) return Task.FromResult<IReadOnlyList<ClaimedTask>>([]);
        max = Math.Min(max, _options.ClaimBatch);
        return database.WriteAsync(
            async session =>
            {
                if (!_limited) return await ClaimAsync(session, workerId, types, max, null);
                var picked = await TaskPicker.PickAsync(session, types, max, free, _options);
                return picked.Length == 0 ? [] : await ClaimAsync(session, workerId, types, max, picked);
            },
            cancellation);
    }

    /// <summary>
    /// Renews the leases of these, and returns those that the worker still holds with what is asked of them. It names
    /// them, rather than all of the worker's: a claim whose answer was lost must run out.
    /// </summary>
    public Task<IReadOnlyList<TaskLease>> RenewAsync(
        string workerId, string[] ids, CancellationToken cancellation) =>
        database.WriteAsync(
            session => session.QueryAsync<TaskLease>(
                session.Dialect == Dialect.Sqlite ? SqliteRenew : PostgreSqlRenew,
                new { workerId, ids, leaseMs = (long)_options.LeaseMs }),
            cancellation);

    /// <summary>Those of the worker's tasks that should end.</summary>
    public Task<IReadOnlyList<TaskLease>> WishesAsync(string workerId, CancellationToken cancellation) =>
        database.ReadAsync(session => session.QueryAsync<TaskLease>(Wishes, new { workerId }), cancellation);

    /// <summary>
    /// Saves progress, cost and, when given, the checkpoint of attempts; true for each that held its fence.
    /// </summary>
    public Task<IReadOnlyList<bool>> SaveAsync(IReadOnlyList<AttemptProgress> saves, CancellationToken cancellation) =>
        database.WriteAsync(session => TaskSaves.WriteAsync(session, saves, _options.LogLinesMax), cancellation);

    /// <summary>Writes how attempts ended; true for each whose fence still held.</summary>
    public async Task<IReadOnlyList<bool>> SettleAsync(
        string workerId, IReadOnlyList<Settlement> settlements, CancellationToken cancellation)
    {
        var moves = await database.WriteAsync(
            session => TaskSettling.SettleAsync(session, Actors.Worker(workerId), settlements, links, _options),
            cancellation);
        foreach (var move in moves) Note(move.Move, move.Type);
        var held = moves.Select(move => (move.Move.Id, move.Fence)).ToHashSet();
        return
        [
            .. settlements.Select(settlement => held.Contains((settlement.Claim.Task.Id, settlement.Claim.Fence))),
        ];
    }

    /// <summary>Adds to the trail that the end of an attempt came too late; see <see cref="LateEnds"/>.</summary>
    public Task<bool> NoteLateAsync(string workerId, Settlement late, CancellationToken cancellation) =>
        database.WriteAsync(session => LateEnds.NoteAsync(session, Actors.Worker(workerId), late), cancellation);

    /// <summary>
    /// Takes up to so many attempts from workers that are dead (lease ended) or hung (deadline passed), and returns
    /// how many. Each counts as an attempt.
    /// </summary>
    /// <param name="everyRunning">True when no worker lives: all that run are taken, whatever their lease.</param>
    public async Task<int> RescueAsync(
        string rescuerId, bool everyRunning, TaskBackoff backoff, CancellationToken cancellation)
    {
        var moves = await database.WriteAsync(
            session => TaskRescue.RescueAsync(
                session, Actors.Rescue(rescuerId), everyRunning, links, (backoff, _options)),
            cancellation);
        foreach (var move in moves)
        {
            metrics.Rescued(move.Type);
            Note(move.Move, move.Type);
        }

        return moves.Count;
    }

    public Task<TaskQueueCount> CountAsync(CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var row = await session.FindAsync<TaskQueueCountRow>(Count);
                return new TaskQueueCount(row?.Queued ?? 0, row?.Running ?? 0, Math.Max(0, row?.OldestMs ?? 0));
            },
            cancellation);

    private async Task<IReadOnlyList<ClaimedTask>> ClaimAsync(
        DatabaseSession session, string workerId, string[] types, int max, string[]? picked)
    {
        var sqlite = session.Dialect == Dialect.Sqlite;
        var leaseMs = (long)_options.LeaseMs;
        var claims = picked is null
            ? await session.QueryAsync<ClaimRow>(
                sqlite ? SqliteClaim : PostgreSqlClaim, new { workerId, types, max, leaseMs })
            : await session.QueryAsync<ClaimRow>(
                sqlite ? SqliteClaimPicked : PostgreSqlClaimPicked, new { workerId, picked, leaseMs });
        if (claims.Count == 0) return [];
        var rows = await TaskMoves.WriteLastAsync(
            session,
            [.. claims.Select(claim =>
                new TaskMove(claim.TaskId, "claim", TaskState.Queued, TaskState.Running, Actors.Worker(workerId))
                {
                    Attempt = claim.Attempt,
                    Fence = claim.Fence,
                })],
            claims[0].At);
        var tasks = rows.ToDictionary(task => task.Id);
        return [.. claims.OrderBy(claim => claim.RankMs).Select(
            claim => new ClaimedTask(tasks[claim.TaskId], claim.Fence))];
    }

    private void Note(TaskMove move, string type)
    {
        if (move.To != TaskState.Queued) depth.Move(-1);
        if (move.To == TaskState.Queued && move.ErrorMsg is not null) metrics.Retried(type);
        else metrics.Ended(move.To, type);
    }

    private sealed class ClaimRow
    {
        public required string TaskId { get; init; }

        public long Fence { get; init; }

        public int Attempt { get; init; }

        public long RankMs { get; init; }

        public DateTimeOffset At { get; init; }
    }

    private sealed class TaskQueueCountRow
    {
        public long Queued { get; init; }

        public long Running { get; init; }

        public long OldestMs { get; init; }
    }
}

/// <summary>A transition that was written, and the type for the figures.</summary>
internal sealed record SettledMove(TaskMove Move, string Type)
{
    /// <summary>The attempt's.</summary>
    public long Fence { get; init; }

    /// <summary>The queue has no row of it any more.</summary>
    public bool HasLeft { get; init; }

    /// <summary>When the attempt began, milliseconds since 1970 by the database's clock.</summary>
    public long StartedMs { get; init; }

    /// <summary>Since when it could have begun.</summary>
    public long DueMs { get; init; }

    /// <summary>What the attempt cost.</summary>
    public long Tokens { get; init; }

    public long AiMs { get; init; }
}
