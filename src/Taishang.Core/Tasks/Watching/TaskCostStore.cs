using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// What each attempt cost, beside the task's totals: written with them, behind the same fence, so an attempt whose
/// worker died has what was last reported. Attempts that cost nothing write nothing.
/// </summary>
internal sealed class TaskCostStore(Database database)
{
    private const string PostgreSqlWrite = """
        INSERT INTO tai_task_costs_{month} (task_id, fence, attempt, tokens, ai_ms)
        SELECT * FROM unnest(@ids, @fences, @attempts, @tokens, @aiMs)
        ON CONFLICT (task_id, fence) DO UPDATE SET tokens = excluded.tokens, ai_ms = excluded.ai_ms
        """;

    private const string SqliteWrite = """
        INSERT INTO tai_task_costs_{month} (task_id, fence, attempt, tokens, ai_ms)
        VALUES (@id, @fence, @attempt, @tokens, @aiMs)
        ON CONFLICT (task_id, fence) DO UPDATE SET tokens = excluded.tokens, ai_ms = excluded.ai_ms
        """;

    private const string Read = """
        SELECT task_id, attempt, tokens, ai_ms FROM tai_task_costs_{month}
        WHERE task_id = @id ORDER BY fence DESC LIMIT @max
        """;

    /// <summary>As many as a task may have attempts; of one that was stopped and started more often, the newest.
    /// </summary>
    private const int AttemptsMax = 100;

    /// <summary>Writes what attempts have cost so far; the caller's transaction has locked their tasks' rows.</summary>
    /// <param name="attempts">The claims, with the totals of their tasks now.</param>
    public static async Task WriteAsync(
        DatabaseSession session, IEnumerable<(ClaimedTask Claim, TaskCost Total)> attempts)
    {
        var rows = attempts.Select(one => (
                one.Claim,
                Tokens: one.Total.Tokens - one.Claim.Task.CostTokens,
                AiMs: one.Total.AiMs - one.Claim.Task.CostAiMs))
            .Where(row => row.Tokens > 0 || row.AiMs > 0);
        foreach (var month in rows.GroupBy(row => TaskMoves.MonthOf(row.Claim.Task.Id)))
        {
            if (session.Dialect == Dialect.PostgreSql)
            {
                var all = month.ToArray();
                await session.ExecuteAsync(MonthlyTable.Sql(PostgreSqlWrite, month.Key), new
                {
                    ids = Array.ConvertAll(all, row => row.Claim.Task.Id),
                    fences = Array.ConvertAll(all, row => row.Claim.Fence),
                    attempts = Array.ConvertAll(all, row => row.Claim.Task.Attempt),
                    tokens = Array.ConvertAll(all, row => row.Tokens),
                    aiMs = Array.ConvertAll(all, row => row.AiMs),
                });
                continue;
            }

            await session.ExecuteAsync(MonthlyTable.Sql(SqliteWrite, month.Key), month.Select(row => new
            {
                id = row.Claim.Task.Id,
                fence = row.Claim.Fence,
                attempt = row.Claim.Task.Attempt,
                tokens = row.Tokens,
                aiMs = row.AiMs,
            }));
        }
    }

    /// <summary>Oldest first; null when the task has cost nothing.</summary>
    public async Task<IReadOnlyList<AttemptCostView>?> ReadAsync(AiTask task, CancellationToken cancellation)
    {
        if (task is { CostTokens: 0, CostAiMs: 0 }) return null;
        var rows = await database.ReadAsync(
            session => session.QueryAsync<AttemptCostRow>(
                MonthlyTable.Sql(Read, TaskMoves.MonthOf(task.Id)), new { id = task.Id, max = AttemptsMax }),
            cancellation);
        return rows.Count == 0 ? null : [.. rows.Reverse().Select(AttemptCostView.Of)];
    }
}

/// <summary>A row of tai_task_costs_YYYYMM.</summary>
internal sealed class AttemptCostRow
{
    public required string TaskId { get; init; }

    public int Attempt { get; init; }

    public long Tokens { get; init; }

    public long AiMs { get; init; }
}

/// <summary>What an attempt cost, as the API shows it.</summary>
internal sealed record AttemptCostView(int Attempt, long Tokens, long AiMs)
{
    public static AttemptCostView Of(AttemptCostRow row) => new(row.Attempt, row.Tokens, row.AiMs);
}
