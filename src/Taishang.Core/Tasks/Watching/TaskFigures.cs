using System.Security.Cryptography;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// Counts what became of attempts into rows by minute, in the transaction that ends them. Reading figures then costs
/// the same however many tasks ended. Run times are put into classes, each 1/16 of a doubling wide, so a percentile is
/// right within 4.5 %.
/// </summary>
internal static class TaskFigures
{
    public const long MinuteMs = 60_000;

    private const int ClassesOfDoubling = 16;

    private const string PostgreSqlAdd = """
        INSERT INTO tai_task_figures AS f
            (minute_ms, type, outcome, bucket, part, count, run_ms, wait_ms, tokens, ai_ms)
        SELECT @minuteMs, type, outcome, bucket, @part, count, run_ms, wait_ms, tokens, ai_ms
        FROM unnest(@types, @outcomes, @buckets, @counts, @runMs, @waitMs, @tokens, @aiMs)
            AS r (type, outcome, bucket, count, run_ms, wait_ms, tokens, ai_ms)
        ON CONFLICT (minute_ms, type, outcome, bucket, part) DO UPDATE SET
            count = f.count + excluded.count, run_ms = f.run_ms + excluded.run_ms,
            wait_ms = f.wait_ms + excluded.wait_ms, tokens = f.tokens + excluded.tokens,
            ai_ms = f.ai_ms + excluded.ai_ms
        """;

    private const string SqliteAdd = """
        INSERT INTO tai_task_figures
            (minute_ms, type, outcome, bucket, part, count, run_ms, wait_ms, tokens, ai_ms)
        VALUES (@minuteMs, @Type, @Outcome, @Bucket, @part, @Count, @RunMs, @WaitMs, @Tokens, @AiMs)
        ON CONFLICT (minute_ms, type, outcome, bucket, part) DO UPDATE SET
            count = count + excluded.count, run_ms = run_ms + excluded.run_ms,
            wait_ms = wait_ms + excluded.wait_ms, tokens = tokens + excluded.tokens, ai_ms = ai_ms + excluded.ai_ms
        """;

    /// <summary>
    /// Processes do not share rows, so they do not wait for each other's commits. The number of a process would not do:
    /// in containers all have the same.
    /// </summary>
    private static readonly int Part = RandomNumberGenerator.GetInt32(int.MaxValue);

    /// <summary>The class of a run time.</summary>
    public static int BucketOf(long milliseconds) =>
        milliseconds <= 0 ? 0 : 1 + (int)(Math.Log2(milliseconds) * ClassesOfDoubling);

    /// <summary>What no time of the class exceeds, in milliseconds.</summary>
    public static double UpperMs(int bucket) =>
        bucket == 0 ? 0 : Math.Round(Math.Pow(2, (double)bucket / ClassesOfDoubling), 3);

    /// <param name="ofDependents">For tasks that ended with another: a transaction adds them after that one's.</param>
    public static async Task AddAsync(
        DatabaseSession session, IEnumerable<TaskOutcome> outcomes, DateTimeOffset at, bool ofDependents = false)
    {
        // No process has a negative part of its own.
        var part = ofDependents ? ~Part : Part;
        // All writers take the rows in one order, so they never wait in a ring.
        var rows = outcomes
            .GroupBy(one => (one.Type, one.Outcome, Bucket: BucketOf(one.RunMs)))
            .OrderBy(group => group.Key.Type, StringComparer.Ordinal)
            .ThenBy(group => group.Key.Outcome, StringComparer.Ordinal)
            .ThenBy(group => group.Key.Bucket)
            .Select(group => new FigureRow(
                group.Key.Type, group.Key.Outcome, group.Key.Bucket, group.Count(), group.Sum(one => one.RunMs),
                group.Sum(one => one.WaitMs), group.Sum(one => one.Tokens), group.Sum(one => one.AiMs)))
            .ToArray();
        if (rows.Length == 0) return;
        var minuteMs = at.ToUnixTimeMilliseconds() / MinuteMs * MinuteMs;
        if (session.Dialect == Dialect.Sqlite)
        {
            await session.ExecuteAsync(SqliteAdd, rows.Select(row => new
            {
                minuteMs,
                part,
                row.Type,
                row.Outcome,
                row.Bucket,
                row.Count,
                row.RunMs,
                row.WaitMs,
                row.Tokens,
                row.AiMs,
            }));
            return;
        }

        await session.ExecuteLaterAsync(PostgreSqlAdd, new
        {
            minuteMs,
            part,
            types = Array.ConvertAll(rows, row => row.Type),
            outcomes = Array.ConvertAll(rows, row => row.Outcome),
            buckets = Array.ConvertAll(rows, row => row.Bucket),
            counts = Array.ConvertAll(rows, row => row.Count),
            runMs = Array.ConvertAll(rows, row => row.RunMs),
            waitMs = Array.ConvertAll(rows, row => row.WaitMs),
            tokens = Array.ConvertAll(rows, row => row.Tokens),
            aiMs = Array.ConvertAll(rows, row => row.AiMs),
        });
    }

    private sealed record FigureRow(
        string Type, string Outcome, int Bucket, long Count, long RunMs, long WaitMs, long Tokens, long AiMs);
}

/// <summary>What became of one attempt, or of a task that never ran.</summary>
/// <param name="Outcome">completed, failed, cancelled, retried or rescued.</param>
internal sealed record TaskOutcome(string Type, string Outcome)
{
    public const string Completed = "completed";
    public const string Failed = "failed";
    public const string Cancelled = "cancelled";
    public const string Retried = "retried";
    public const string Rescued = "rescued";

    public long RunMs { get; init; }

    /// <summary>From being due to the start.</summary>
    public long WaitMs { get; init; }

    public long Tokens { get; init; }

    public long AiMs { get; init; }

    /// <summary>Of a move out of running; none when the attempt was given back or parked.</summary>
    public static IEnumerable<TaskOutcome> Of(SettledMove settled, DateTimeOffset at)
    {
        var move = settled.Move;
        var word = move.To switch
        {
            TaskState.Completed => Completed,
            TaskState.Failed => Failed,
            TaskState.Cancelled => Cancelled,
            TaskState.Queued when move.ErrorMsg is not null => Retried,
            _ => null,
        };
        if (word is not null)
        {
            yield return new TaskOutcome(settled.Type, word)
            {
                RunMs = Math.Max(0, at.ToUnixTimeMilliseconds() - settled.StartedMs),
                WaitMs = Math.Max(0, settled.StartedMs - settled.DueMs),
                Tokens = settled.Tokens,
                AiMs = settled.AiMs,
            };
        }

        if (move.Word == "rescue") yield return new TaskOutcome(settled.Type, Rescued);
    }
}
