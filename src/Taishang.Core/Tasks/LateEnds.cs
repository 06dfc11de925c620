using Taishang.Core.Data;

namespace Taishang.Core.Tasks;

/// <summary>
/// Tells the trail that an attempt ended after it was taken from its worker, so that whoever reads the task's story
/// sees that the work was done and bounced. It is a line alone: nothing of the late end is written.
/// </summary>
internal static class LateEnds
{
    private const string FindTask = $"SELECT {TaskStore.Columns} FROM tai_tasks_{{month}} WHERE id = @id";

    /// <summary>Each claim raised the fence by one and was followed by one way out of running: the fence counts them.
    /// </summary>
    private const string FindEnd = """
        SELECT actor, verb FROM tai_task_events_{month}
        WHERE task_id = @id AND from_state = 'running' AND to_state <> 'running'
        ORDER BY seq LIMIT 1 OFFSET @before
        """;

    /// <summary>
    /// False when there is nothing to tell: the task is gone, or the end was written after all and only the answer to
    /// the write was lost.
    /// </summary>
    public static async Task<bool> NoteAsync(DatabaseSession session, string actor, Settlement settlement)
    {
        var (id, fence) = (settlement.Claim.Task.Id, settlement.Claim.Fence);
        var month = TaskMoves.MonthOf(id);
        var lockRow = session.Dialect == Dialect.PostgreSql ? " FOR UPDATE" : "";
        if (await session.FindAsync<AiTask>(MonthlyTable.Sql(FindTask, month) + lockRow, new { id }) is not { } task)
            return false;
        var end = await session.FindAsync<EndRow>(MonthlyTable.Sql(FindEnd, month), new { id, before = fence - 1 });
        if (end is null || end.Actor == actor) return false;
        await TaskMoves.NoteAsync(
            session, task, "late", actor,
            $"attempt {settlement.Claim.Task.Attempt} {Word(settlement.End)} after {end.Actor} had taken the task "
            + $"({end.Verb}): its fence {fence} no longer held, and nothing of it was written");
        return true;
    }

    private static string Word(AttemptEnd end) => end switch
    {
        AttemptEnd.Completed => "completed",
        AttemptEnd.Failed => "failed",
        _ => "let go",
    };

    private sealed class EndRow
    {
        public required string Actor { get; init; }

        public required string Verb { get; init; }
    }
}
