using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Why a task failed, attempt by attempt: what its workers said, and what the rescue said of workers that could say
/// nothing more. It is read from the trail, which is written with each of these ends, so nothing is kept twice.
/// </summary>
internal sealed class TaskStory(Database database)
{
    private const string Read = """
        SELECT attempt, reason, actor, created_at FROM tai_task_events_{month}
        WHERE task_id = @id AND verb IN ('fail', 'rescue') AND seq > coalesce(
            (SELECT max(seq) FROM tai_task_events_{month} WHERE task_id = @id AND verb = 'retry'), 0)
        ORDER BY seq LIMIT @max
        """;

    /// <summary>As many as a task may have attempts.</summary>
    private const int ErrorsMax = 100;

    /// <summary>Null when nothing has failed.</summary>
    public async Task<IReadOnlyList<TaskErrorView>?> ReadAsync(AiTask task, CancellationToken cancellation)
    {
        if (task.ErrorMsg is null) return null;
        var rows = await database.ReadAsync(
            session => session.QueryAsync<ErrorRow>(
                MonthlyTable.Sql(Read, TaskMoves.MonthOf(task.Id)), new { id = task.Id, max = ErrorsMax }),
            cancellation);
        return rows.Count == 0
            ? null
            : [.. rows.Select(row => new TaskErrorView(row.Attempt, row.Reason ?? "", row.Actor, row.CreatedAt))];
    }

    private sealed class ErrorRow
    {
        public int Attempt { get; init; }

        public string? Reason { get; init; }

        public required string Actor { get; init; }

        public DateTimeOffset CreatedAt { get; init; }
    }
}

/// <summary>How an attempt failed.</summary>
/// <param name="Actor">The worker, or the rescue that took the attempt from it.</param>
internal sealed record TaskErrorView(int Attempt, string Error, string Actor, DateTimeOffset At);
