using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tasks;

/// <summary>
/// What the end of an attempt does to its task. Success wins over a wish that came too late to be heard; everything
/// else yields to the wish. A failed attempt goes back into the queue while attempts are left.
/// </summary>
internal static class TaskSettling
{
    /// <summary>
    /// Completed ones leave the queue in the same statement: nothing that is found in their rows can change that. The
    /// state is not asked for by the word that the index of running rows has, or that might be read as a whole.
    /// </summary>
    internal const string PostgreSqlHeld = TaskQueueRows.ByIndex + """
        WITH held AS MATERIALIZED (
            SELECT q.task_id, q.wish, q.wish_by, q.attempt, q.max_attempts,
                q.deadline_ms - q.timeout_ms AS started_ms, q.run_at_ms AS due_ms, q.fence, r.completed
            FROM tai_task_queue q JOIN unnest(@ids, @fences, @completed) AS r (id, fence, completed)
                ON q.task_id = r.id AND q.fence = r.fence
            WHERE q.task_id = ANY(@ids) AND q.state <> 'queued'
            ORDER BY q.task_id FOR UPDATE OF q),
        gone AS (
            DELETE FROM tai_task_queue
            WHERE task_id = ANY(ARRAY(SELECT task_id FROM held WHERE completed)))
        SELECT task_id, wish, wish_by, attempt, max_attempts, started_ms, due_ms, fence, completed AS gone,
            (SELECT tai_now()) AS at
        FROM held
        """;

    private const string SqliteHeld = """
        SELECT task_id, wish, wish_by, attempt, max_attempts, tai_now() AS at,
            deadline_ms - timeout_ms AS started_ms, run_at_ms AS due_ms, fence
        FROM tai_task_queue WHERE task_id IN @ids AND state = 'running'
        """;

    private const string Requeue = """
        UPDATE tai_task_queue SET
            state = 'queued', run_at_ms = @runAtMs, rank_ms = @runAtMs - priority * @step, worker_id = NULL,
            lease_until_ms = NULL, deadline_ms = NULL, wish = NULL, wish_by = NULL
        WHERE task_id = @id
        """;

    /// <summary>
    /// Keeps run_at and rank: the task waits again where it stood. The attempt was not the task's fault.
    /// </summary>
    private const string HandBack = """
        UPDATE tai_task_queue SET
            state = 'queued', attempt = attempt - 1, worker_id = NULL, lease_until_ms = NULL, deadline_ms = NULL,
            wish = NULL, wish_by = NULL
        WHERE task_id = @id
        """;

    public static async Task<IReadOnlyList<SettledMove>> SettleAsync(
        DatabaseSession session, string actor, IReadOnlyList<Settlement> settlements, TaskLinks links,
        TaskOptions options)
    {
        var held = await HeldAsync(session, settlements);
        if (held.Count == 0) return [];
        var at = held.Values.First().At;
        var moves = new List<SettledMove>(held.Count);
        foreach (var settlement in settlements)
        {
            if (Holds(held, settlement) is not { } row) continue;
            var task = settlement.Claim.Task;
            moves.Add(new SettledMove(Decide(settlement, row, actor, at), task.Type)
            {
                Fence = row.Fence,
                HasLeft = row.Gone,
                StartedMs = row.StartedMs,
                DueMs = row.DueMs,
                Tokens = settlement.Cost.Tokens - task.CostTokens,
                AiMs = settlement.Cost.AiMs - task.CostAiMs,
            });
        }

        await links.EndAsync(session, await WriteAsync(session, moves, at, options), at);
        await TaskLogStore.WriteAsync(
            session,
            settlements.Where(settlement => Holds(held, settlement) is not null)
                .Select(settlement => (settlement.Claim.Task.Id, settlement.Logs)),
            options.LogLinesMax);
        await TaskCostStore.WriteAsync(
            session,
            settlements.Where(settlement => Holds(held, settlement) is not null)
                .Select(settlement => (settlement.Claim, settlement.Cost)));
        return moves;
    }

    /// <summary>Writes moves out of running: rows, trail and queue. Returns those that ended and have ties.</summary>
    public static async Task<IReadOnlyList<string>> WriteAsync(
        DatabaseSession session, List<SettledMove> moves, DateTimeOffset at, TaskOptions options)
    {
        await TaskQueueRows.DeleteAsync(
            session,
            [
                .. moves.Where(move => move.Move.To != TaskState.Queued && !move.HasLeft).Select(move => move.Move.Id),
            ]);
        foreach (var move in moves.Where(move => move.Move.To == TaskState.Queued).Select(move => move.Move))
        {
            if (move.RunAt is { } runAt)
            {
                var runAtMs = runAt.ToUnixTimeMilliseconds();
                await session.ExecuteAsync(Requeue, new { id = move.Id, runAtMs, step = (long)options.PriorityStepMs });
            }
            else
            {
                await session.ExecuteAsync(HandBack, new { id = move.Id });
            }
        }

        var linked = await TaskMoves.WriteAsync(session, [.. moves.Select(move => move.Move)], at);
        await TaskFigures.AddAsync(session, moves.SelectMany(move => TaskOutcome.Of(move, at)), at);
        return linked;
    }

    /// <summary>The move that a wish asks for.</summary>
    public static TaskMove Yield(TaskMove move, string wish, string? by) => move with
    {
        Word = wish,
        To = TaskTransitions.Require(
            move.Id, TaskState.Running, wish == TaskWish.Cancel ? TaskVerb.Cancel : TaskVerb.Stop),
        // A stopped attempt was not the task's fault: the resumed one takes its number.
        Attempt = wish == TaskWish.Stop ? move.Attempt - 1 : move.Attempt,
        Reason = $"asked for by {by ?? Actors.Api}",
    };

    private static TaskMove Decide(Settlement settlement, HeldRow row, string actor, DateTimeOffset at)
    {
        var move = new TaskMove(settlement.Claim.Task.Id, "", TaskState.Running, TaskState.Running, actor)
        {
            Attempt = row.Attempt,
            Progress = settlement.Progress,
            Tokens = settlement.Cost.Tokens,
            AiMs = settlement.Cost.AiMs,
        };
        if (settlement.End == AttemptEnd.Completed)
        {
            return To(move, TaskVerb.Complete) with { Result = settlement.Result, Progress = 100 };
        }

        if (row.Wish is not null) return Yield(move, row.Wish, row.WishBy);
        if (settlement.End == AttemptEnd.LetGo)
        {
            return To(move, TaskVerb.HandBack) with
            {
                Attempt = row.Attempt - 1,
                Reason = "the worker stops and gives the task back",
            };
        }

        return Fail(move, settlement.Error ?? "the attempt failed", settlement.Retriable, row.MaxAttempts) is var failed
            && failed.To == TaskState.Queued
            ? failed with { RunAt = at.AddMilliseconds(settlement.RetryDelayMs) }
            : failed;
    }

    /// <summary>Back into the queue while attempts are left, else failed.</summary>
    public static TaskMove Fail(TaskMove move, string error, bool retriable, int maxAttempts)
    {
        var verb = retriable && move.Attempt < maxAttempts ? TaskVerb.TryAgain : TaskVerb.GiveUp;
        return To(move, verb) with { ErrorMsg = error, Reason = error };
    }

    private static TaskMove To(TaskMove move, TaskVerb verb) => move with
    {
        Word = TaskTransitions.Word(verb),
        To = TaskTransitions.Require(move.Id, TaskState.Running, verb),
    };

    /// <summary>A batch may bring a late end beside that of a newer attempt: only the fence tells them apart.</summary>
    private static HeldRow? Holds(Dictionary<string, HeldRow> held, Settlement settlement) =>
        held.TryGetValue(settlement.Claim.Task.Id, out var row) && row.Fence == settlement.Claim.Fence ? row : null;

    private static async Task<Dictionary<string, HeldRow>> HeldAsync(
        DatabaseSession session, IReadOnlyList<Settlement> settlements)
    {
        if (session.Dialect == Dialect.PostgreSql)
        {
            var rows = await session.QueryAsync<HeldRow>(PostgreSqlHeld, new
            {
                ids = settlements.Select(settlement => settlement.Claim.Task.Id).ToArray(),
                fences = settlements.Select(settlement => settlement.Claim.Fence).ToArray(),
                completed = settlements.Select(settlement => settlement.End == AttemptEnd.Completed).ToArray(),
            });
            return rows.ToDictionary(row => row.TaskId);
        }

        // One statement for all: the driver compiles each anew.
        var ids = settlements.Select(settlement => settlement.Claim.Task.Id).Distinct().ToArray();
        return (await session.QueryAsync<HeldRow>(SqliteHeld, new { ids })).ToDictionary(row => row.TaskId);
    }

    private sealed class HeldRow
    {
        public required string TaskId { get; init; }

        public long Fence { get; init; }

        /// <summary>Its row is deleted already.</summary>
        public bool Gone { get; init; }

        public string? Wish { get; init; }

        public string? WishBy { get; init; }

        public int Attempt { get; init; }

        public int MaxAttempts { get; init; }

        public DateTimeOffset At { get; init; }

        public long StartedMs { get; init; }

        public long DueMs { get; init; }
    }
}
