using Taishang.Core.Api;
using Taishang.Core.Data;

namespace Taishang.Core.Tasks.Watching;

/// <summary>The logs of tasks: written in batches, bounded for each task, read by the page.</summary>
internal sealed class TaskLogStore(Database database, TaskStore store)
{
    private const string PostgreSqlInsert = """
        INSERT INTO tai_task_logs_{month} (task_id, seq, attempt, level, message, created_at)
        SELECT * FROM unnest(@ids, @seqs, @attempts, @levels, @messages, @times)
        ON CONFLICT DO NOTHING
        """;

    private const string PostgreSqlTrim = """
        DELETE FROM tai_task_logs_{month} l USING unnest(@ids) AS r (id), LATERAL (
            SELECT seq FROM tai_task_logs_{month} WHERE task_id = r.id ORDER BY seq DESC OFFSET @max LIMIT 1) AS old
        WHERE l.task_id = r.id AND l.seq <= old.seq
        """;

    private const string SqliteInsert = """
        INSERT INTO tai_task_logs_{month} (task_id, seq, attempt, level, message, created_at)
        VALUES (@id, @Seq, @Attempt, @Level, @Message, @CreatedAt) ON CONFLICT DO NOTHING
        """;

    private const string SqliteTrim = """
        DELETE FROM tai_task_logs_{month} WHERE task_id = @id AND seq <= (
            SELECT seq FROM tai_task_logs_{month} WHERE task_id = @id ORDER BY seq DESC LIMIT 1 OFFSET @max)
        """;

    private const string Matches = """
        FROM tai_task_logs_{month}
        WHERE task_id = @id AND (CAST(@level AS VARCHAR(10)) IS NULL OR level = @level)
        """;

    private const string Read = "SELECT seq, attempt, level, message, created_at " + Matches + """

        ORDER BY CASE WHEN @descending THEN -seq ELSE seq END LIMIT @take OFFSET @skip
        """;

    private const string Count = "SELECT count(*) " + Matches;

    /// <summary>Writes lines of tasks whose rows the caller's transaction has locked.</summary>
    /// <param name="linesMax">Lines that a task keeps; older ones go.</param>
    public static async Task WriteAsync(
        DatabaseSession session, IEnumerable<(string TaskId, IReadOnlyList<TaskLogLine> Lines)> logs, int linesMax)
    {
        foreach (var month in logs.Where(log => log.Lines.Count > 0).GroupBy(log => TaskMoves.MonthOf(log.TaskId)))
        {
            var ids = month.Select(log => log.TaskId).ToArray();
            var rows = month.SelectMany(log => log.Lines.Select(line => (log.TaskId, Line: line))).ToArray();
            if (session.Dialect == Dialect.PostgreSql)
            {
                await session.ExecuteAsync(MonthlyTable.Sql(PostgreSqlInsert, month.Key), Arrays(rows));
                await session.ExecuteAsync(MonthlyTable.Sql(PostgreSqlTrim, month.Key), new { ids, max = linesMax });
                continue;
            }

            await session.ExecuteAsync(
                MonthlyTable.Sql(SqliteInsert, month.Key),
                rows.Select(row => new
                {
                    id = row.TaskId,
                    row.Line.Seq,
                    row.Line.Attempt,
                    row.Line.Level,
                    row.Line.Message,
                    row.Line.CreatedAt,
                }));
            await session.ExecuteAsync(
                MonthlyTable.Sql(SqliteTrim, month.Key), ids.Select(id => new { id, max = linesMax }));
        }
    }

    /// <summary>A page of a task's lines, oldest first unless told otherwise.</summary>
    /// <exception cref="ApiException">No such task.</exception>
    public async Task<(IReadOnlyList<TaskLogLine> Lines, long Total)> ReadAsync(
        string id, ListQuery query, CancellationToken cancellation)
    {
        var level = query.OneOf("level", TaskLogLine.Levels);
        var month = TaskMoves.MonthOf((await store.GetAsync(id, cancellation)).Id);
        var parameters = new
        {
            id,
            level,
            take = query.PageSize,
            skip = query.Skip,
            descending = query.Sort?.Descending ?? false,
        };
        return await database.ReadAsync(
            async session => (
                await session.QueryAsync<TaskLogLine>(MonthlyTable.Sql(Read, month), parameters),
                await session.ScalarAsync<long>(MonthlyTable.Sql(Count, month), parameters)),
            cancellation);
    }

    private static object Arrays((string TaskId, TaskLogLine Line)[] rows) => new
    {
        ids = Array.ConvertAll(rows, row => row.TaskId),
        seqs = Array.ConvertAll(rows, row => row.Line.Seq),
        attempts = Array.ConvertAll(rows, row => row.Line.Attempt),
        levels = Array.ConvertAll(rows, row => row.Line.Level),
        messages = Array.ConvertAll(rows, row => row.Line.Message),
        times = Array.ConvertAll(rows, row => row.Line.CreatedAt),
    };
}
