using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>Lists over months are answered by indexes, shown by PostgreSQL's own plans.</summary>
public sealed class ListPlanTests
{
    private const int RowsOfMonth = 8_000;

    private static readonly Month[] Months = [new(2026, 11), new(2026, 10), new(2026, 9)];

    private const string Fill = """
        INSERT INTO tai_tasks_{month}
            (id, type, status, payload, run_at, timeout_ms, trail, created_at, updated_at)
        SELECT substr(@first, 1, 24) || lpad(to_hex(i), 12, '0'),
            CASE i % 50 WHEN 0 THEN 'evaluation' ELSE 'index' END,
            CASE i % 100 WHEN 0 THEN 'failed' ELSE 'completed' END,
            repeat('x', 400), @at, 1000, 3, @at::timestamptz + i * interval '1 ms', @at
        FROM generate_series(1, @rows) AS i
        """;

    public static TheoryData<string> Filters => new("all", "status", "type", "range", "rare status", "rare type");

    [Theory, MemberData(nameof(Filters))]
    public async Task A_page_over_months_and_its_total_are_read_by_indexes_alone(string name)
    {
        await using var data = await DatabaseWorld.CreateFrozenAsync(Dialect.PostgreSql);
        foreach (var month in Months) await FillAsync(data, month);
        await data.Database.ReadAsync(session => session.ExecuteAsync("VACUUM ANALYZE"), default);
        var filter = name switch
        {
            "status" => new TaskFilter { Status = "completed" },
            "type" => new TaskFilter { Type = "index" },
            "rare status" => new TaskFilter { Status = "failed" },
            "rare type" => new TaskFilter { Type = "evaluation" },
            "range" => new TaskFilter
            {
                CreatedFrom = Months[2].Start,
                CreatedTo = Months[0].Start.AddMilliseconds(50),
            },
            _ => new TaskFilter(),
        };

        foreach (var descending in (bool[])[true, false])
        {
            var page = await PlanAsync(
                data, TaskListQuery.Page(filter, Dialect.PostgreSql, Months, ("created_at", descending)), filter);
            Assert.True(!page.Contains("Seq Scan", StringComparison.Ordinal), page);
            Assert.Equal(Months.Length, page.Split("->  Limit").Length - 1);
            Assert.True(page.Split("Index").Length > Months.Length, page);
            if (name.StartsWith("rare", StringComparison.Ordinal)) continue;
            // Of what is many, no month is sorted: its index has the order already.
            var sorts = page.Replace("Incremental Sort", "", StringComparison.Ordinal).Split("Sort  (").Length - 1;
            Assert.True(sorts <= 1, page);
        }

        var count = await PlanAsync(data, TaskListQuery.Count(filter, Dialect.PostgreSql, Months[0]), filter);
        Assert.Contains("Index Only Scan", count, StringComparison.Ordinal);
    }

    private static async Task FillAsync(DatabaseWorld data, Month month)
    {
        await data.Tables.EnsureAsync(MonthlyTable.Tasks, month, default);
        await data.Database.WriteAsync(
            session => session.ExecuteAsync(
                MonthlyTable.Sql(Fill, month),
                new { first = RowId.First(month.Start), at = month.Start, rows = RowsOfMonth }),
            default);
    }

    private static async Task<string> PlanAsync(DatabaseWorld data, string sql, TaskFilter filter) => string.Join(
        '\n',
        await data.Database.ReadAsync(
            session => session.QueryAsync<string>("EXPLAIN " + sql, TaskList.Parameters(filter, (0, 20))), default));
}
