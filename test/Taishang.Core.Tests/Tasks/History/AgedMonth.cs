using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>November 2026 as a version made it that had no counts, no labels and other indexes.</summary>
internal static class AgedMonth
{
    public static async Task MakeAsync(DatabaseWorld data)
    {
        string[] triggers = ["put", "relabelled", "taken", "moved", "gone", "made"];
        await data.Database.WriteAsync(
            async session =>
            {
                foreach (var trigger in triggers)
                {
                    await session.ExecuteAsync($"DROP TRIGGER IF EXISTS tai_tasks_202611_{trigger}"
                        + (session.Dialect == Dialect.PostgreSql ? " ON tai_tasks_202611" : ""));
                }

                await session.ExecuteAsync("""
                    DROP INDEX ix_tai_tasks_202611_lane; DROP INDEX ix_tai_tasks_202611_updated;
                    DROP INDEX ix_tai_tasks_202611_children;
                    CREATE INDEX ix_tai_tasks_202611_status ON tai_tasks_202611 (status, created_at);
                    CREATE INDEX ix_tai_tasks_202611_type ON tai_tasks_202611 (type, id);
                    INSERT INTO tai_task_labels_202611 VALUES ('left', 'by a try that failed', 'nobody')
                    """);
            },
            default);
    }

    /// <summary>What a process does at its start; its own pauses are real.</summary>
    public static async Task CountAsync(DatabaseWorld data, Database database)
    {
        var tables = new MonthlyTables(database, data.Time);
        await tables.RefreshAsync(default);
        await MonthlyCounts.AddAsync(database, tables, TimeProvider.System, default);
    }
}
