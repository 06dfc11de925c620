using Taishang.Core.Data;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors;

namespace Taishang.Core.Tasks;

/// <summary>How far an attempt has come.</summary>
/// <param name="Checkpoint">JSON; null keeps the row's.</param>
internal sealed record AttemptProgress(ClaimedTask Claim, int Progress, TaskCost Cost, string? Checkpoint)
{
    /// <summary>Percent a second; null when not known.</summary>
    public double? Rate { get; init; }

    public IReadOnlyList<TaskLogLine> Logs { get; init; } = [];

    /// <summary>Written in the same transaction as the checkpoint.</summary>
    public IReadOnlyList<TaskAnswer> Answers { get; init; } = [];
}

/// <summary>
/// Writes what running attempts report. The task's own row says whose attempt runs, and is compared under its lock: a
/// report that comes after the end, or after another claim, changes nothing.
/// </summary>
internal static class TaskSaves
{
    private const string PostgreSqlSave = """
        UPDATE tai_tasks_{month} t SET
            progress = r.progress, progress_rate = r.rate, cost_tokens = r.tokens, cost_ai_ms = r.ai_ms,
            progress_at = CASE WHEN t.progress = r.progress THEN t.progress_at ELSE tai_now() END,
            checkpoint = coalesce(r.checkpoint, t.checkpoint), updated_at = tai_now()
        FROM unnest(@ids, @fences, @progress, @rates, @tokens, @aiMs, @checkpoints)
            AS r (id, fence, progress, rate, tokens, ai_ms, checkpoint)
        WHERE t.id = r.id AND t.fence = r.fence AND t.status = 'running' AND t.id = ANY(@ids)
        """;

    private const string PostgreSqlOne = PostgreSqlSave + " RETURNING t.id";

    /// <summary>
    /// Rows that another transaction holds are left for the next time: whoever waits for many locks must not do so in
    /// another order than those who end tasks.
    /// </summary>
    private const string PostgreSqlMany = PostgreSqlSave + """
         AND t.id IN (SELECT id FROM tai_tasks_{month} WHERE id = ANY(@ids) FOR UPDATE SKIP LOCKED) RETURNING t.id
        """;

    private const string SqliteSave = """
        UPDATE tai_tasks_{month} SET
            progress = @progress, progress_rate = @rate, cost_tokens = @tokens, cost_ai_ms = @aiMs,
            progress_at = CASE WHEN progress = @progress THEN progress_at ELSE tai_now() END,
            checkpoint = coalesce(@checkpoint, checkpoint), updated_at = tai_now()
        WHERE id = @id AND fence = @fence AND status = 'running'
        """;

    /// <summary>True for each that was written.</summary>
    public static async Task<IReadOnlyList<bool>> WriteAsync(
        DatabaseSession session, IReadOnlyList<AttemptProgress> saves, int logLinesMax)
    {
        var held = new HashSet<string>();
        foreach (var month in saves.GroupBy(save => TaskMoves.MonthOf(save.Claim.Task.Id)))
        {
            if (session.Dialect == Dialect.PostgreSql) held.UnionWith(await WriteAsync(session, month.Key, [.. month]));
            else held.UnionWith(await WriteRowsAsync(session, month.Key, month));
        }

        await TaskLogStore.WriteAsync(
            session,
            saves.Where(save => held.Contains(save.Claim.Task.Id)).Select(save => (save.Claim.Task.Id, save.Logs)),
            logLinesMax);
        await TaskCostStore.WriteAsync(
            session, saves.Where(save => held.Contains(save.Claim.Task.Id)).Select(save => (save.Claim, save.Cost)));
        await TaskAnswerStore.WriteAsync(session, saves.Where(save => held.Contains(save.Claim.Task.Id)));
        return [.. saves.Select(save => held.Contains(save.Claim.Task.Id))];
    }

    private static Task<IReadOnlyList<string>> WriteAsync(
        DatabaseSession session, Month month, AttemptProgress[] saves) =>
        session.QueryAsync<string>(MonthlyTable.Sql(saves.Length == 1 ? PostgreSqlOne : PostgreSqlMany, month), new
        {
            ids = Array.ConvertAll(saves, save => save.Claim.Task.Id),
            fences = Array.ConvertAll(saves, save => save.Claim.Fence),
            progress = Array.ConvertAll(saves, save => save.Progress),
            rates = Array.ConvertAll(saves, save => save.Rate),
            tokens = Array.ConvertAll(saves, save => save.Cost.Tokens),
            aiMs = Array.ConvertAll(saves, save => save.Cost.AiMs),
            checkpoints = Array.ConvertAll(saves, save => save.Checkpoint),
        });

    private static async Task<List<string>> WriteRowsAsync(
        DatabaseSession session, Month month, IEnumerable<AttemptProgress> saves)
    {
        var held = new List<string>();
        foreach (var save in saves)
        {
            var changed = await session.ExecuteAsync(MonthlyTable.Sql(SqliteSave, month), new
            {
                id = save.Claim.Task.Id,
                fence = save.Claim.Fence,
                progress = save.Progress,
                rate = save.Rate,
                tokens = save.Cost.Tokens,
                aiMs = save.Cost.AiMs,
                checkpoint = save.Checkpoint,
            });
            if (changed == 1) held.Add(save.Claim.Task.Id);
        }

        return held;
    }
}
