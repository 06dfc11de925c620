using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Attempts whose worker is dead (its lease ended) or hung (the deadline passed and it did not let go) are taken from
/// it. The row leaves running under a lock, so the late worker's fence no longer holds, and a success that was written
/// before is not running any more and is left alone.
/// </summary>
internal static class TaskRescue
{
    /// <summary>One transaction's worth; the next round takes the rest.</summary>
    private const int BatchMax = 100;

    private const string Find = """
        SELECT task_id, type, worker_id, wish, wish_by, attempt, max_attempts, timeout_ms,
            tai_now_ms() - lease_until_ms AS late_ms, tai_now() AS at, deadline_ms - timeout_ms AS started_ms,
            run_at_ms AS due_ms
        FROM tai_task_queue
        WHERE state = 'running'
            AND (@every OR lease_until_ms < (SELECT tai_now_ms()) OR deadline_ms + @graceMs < (SELECT tai_now_ms()))
        ORDER BY lease_until_ms LIMIT @max
        """;

    private const string FindLocked = Find + " FOR UPDATE SKIP LOCKED";

    public static async Task<IReadOnlyList<SettledMove>> RescueAsync(
        DatabaseSession session, string actor, bool everyRunning, TaskLinks links,
        (TaskBackoff Backoff, TaskOptions Options) policy)
    {
        var (backoff, options) = policy;
        var rows = await session.QueryAsync<RescueRow>(
            session.Dialect == Dialect.PostgreSql ? FindLocked : Find,
            new { every = everyRunning, graceMs = (long)options.HungGraceMs, max = BatchMax });
        if (rows.Count == 0) return [];
        var moves = rows.Select(row => Decide(row, actor, everyRunning, backoff, options) with
        {
            StartedMs = row.StartedMs,
            DueMs = row.DueMs,
        }).ToList();
        await links.EndAsync(session, await TaskSettling.WriteAsync(session, moves, rows[0].At, options), rows[0].At);
        return moves;
    }

    private static SettledMove Decide(
        RescueRow row, string actor, bool everyRunning, TaskBackoff backoff, TaskOptions options)
    {
        var move = new TaskMove(row.TaskId, "rescue", TaskState.Running, TaskState.Running, actor)
        {
            Attempt = row.Attempt,
        };
        if (row.Wish is not null) return new SettledMove(TaskSettling.Yield(move, row.Wish, row.WishBy), row.Type);
        var (code, why) = Explain(row, everyRunning);
        var failed = TaskSettling.Fail(move, $"{why} ({code.Name}, {code.Number})", true, row.MaxAttempts) with
        {
            Word = "rescue",
        };
        if (failed.To == TaskState.Queued)
        {
            var delayMs = backoff.DelayMs(options.Of(row.Type), row.Attempt);
            failed = failed with { RunAt = row.At.AddMilliseconds(delayMs) };
        }

        return new SettledMove(failed, row.Type);
    }

    private static (ErrorCode Code, string Why) Explain(RescueRow row, bool everyRunning)
    {
        if (everyRunning) return (ErrorCodes.TaskWorkerLost, $"the process of worker {row.WorkerId} ended during it");
        return row.LateMs > 0
            ? (ErrorCodes.TaskWorkerLost,
                $"worker {row.WorkerId} stopped renewing its lease, which ended {row.LateMs} ms ago")
            : (ErrorCodes.TaskTimedOut,
                $"the attempt hung: it passed its deadline of {row.TimeoutMs} ms and did not let go");
    }

    private sealed class RescueRow
    {
        public required string TaskId { get; init; }

        public required string Type { get; init; }

        public string? WorkerId { get; init; }

        public string? Wish { get; init; }

        public string? WishBy { get; init; }

        public int Attempt { get; init; }

        public int MaxAttempts { get; init; }

        public long TimeoutMs { get; init; }

        public long LateMs { get; init; }

        public DateTimeOffset At { get; init; }

        public long StartedMs { get; init; }

        public long DueMs { get; init; }
    }
}
