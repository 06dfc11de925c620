using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>Three months of tasks of every kind, in a database and beside it, so that lists can be foretold.</summary>
internal static class ListHistory
{
    public const int RowsOfMonth = 8_000;

    /// <summary>Newest first.</summary>
    public static readonly Month[] Months = [new(2026, 11), new(2026, 10), new(2026, 9)];

    private const string Fill = """
        INSERT INTO tai_tasks_{month}
            (id, type, status, payload, priority, parent_id, labels, run_at, timeout_ms, trail, created_at, updated_at)
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < @rows)
        SELECT ID, CASE i % 5 WHEN 0 THEN 'evaluation' ELSE 'index' END,
            CASE i % 7 WHEN 0 THEN 'failed' WHEN 1 THEN 'cancelled' WHEN 2 THEN 'pending' ELSE 'completed' END,
            '{"filler":"some text that makes a row as wide as one is"}', 4 + i % 3,
            CASE WHEN i % 2 = 0 THEN 'many' WHEN i % 199 = 1 THEN 'few' END,
            CASE WHEN i % 400 = 0 THEN '{"team":"a","rare":"x"}' WHEN i % 2 = 0 THEN '{"team":"a"}'
                ELSE '{"row":"r' || i || '","of":"b"}' END,
            TIME(i), 1000, 3, TIME(i), TIME(((i * 7919) % 8000))
        FROM n
        """;

    public static IReadOnlyList<ListedTask> Rows { get; } =
    [
        .. from month in Months from i in Enumerable.Range(0, RowsOfMonth) select RowOf(month, i),
    ];

    public static async Task FillAsync(DatabaseWorld data)
    {
        var server = data.Options.Connection.Contains("Host=", StringComparison.Ordinal);
        var (id, time) = server
            ? ("substr(HEX, 1, 8) || '-' || substr(HEX, 9, 4) || '-7000-8000-' || lpad(to_hex(i), 12, '0')"
                .Replace("HEX", "lpad(to_hex(@startMs + i * 1000), 12, '0')", StringComparison.Ordinal),
                "to_timestamp(@startMs / 1000 + $1)")
            : ("substr(HEX, 1, 8) || '-' || substr(HEX, 9, 4) || '-7000-8000-' || printf('%012x', i)"
                .Replace("HEX", "printf('%012x', @startMs + i * 1000)", StringComparison.Ordinal),
                "strftime('%Y-%m-%dT%H:%M:%S.000000Z', @startMs / 1000 + $1, 'unixepoch')");
        var sql = Fill.Replace("SELECT ID", $"SELECT {id}", StringComparison.Ordinal)
            .Replace("TIME(i)", time.Replace("$1", "i", StringComparison.Ordinal), StringComparison.Ordinal)
            .Replace("TIME(((i * 7919) % 8000))",
                time.Replace("$1", "(i * 7919) % 8000", StringComparison.Ordinal), StringComparison.Ordinal);
        foreach (var month in Months)
        {
            foreach (var table in MonthlyTable.OfTasks) await data.Tables.EnsureAsync(table, month, default);
            await data.Database.WriteAsync(
                session => session.ExecuteAsync(
                    MonthlyTable.Sql(sql, month),
                    new { startMs = month.Start.ToUnixTimeMilliseconds(), rows = RowsOfMonth }),
                default);
        }

        await data.Tables.RefreshAsync(default);
        await data.Database.ReadAsync(
            session => session.ExecuteAsync(server ? "VACUUM ANALYZE" : "ANALYZE main"), default);
    }

    /// <summary>What a list must give.</summary>
    public static IEnumerable<ListedTask> Of(TaskFilter filter, string sortField, bool descending)
    {
        var found = Rows.Where(row => Fits(filter, row));
        var sorted = sortField switch
        {
            "priority" => found.OrderBy(row => row.Priority),
            "updated_at" => found.OrderBy(row => row.Updated),
            _ => found.OrderBy(_ => 0),
        };
        var all = sorted.ThenBy(row => row.Id, StringComparer.Ordinal).ToList();
        if (descending) all.Reverse();
        return all;
    }

    private static bool Fits(TaskFilter filter, ListedTask row) =>
        filter.Fits(row.Status, row.Type, row.Priority)
        && (filter.ParentId is null || filter.ParentId == row.Parent)
        && (filter.LabelKey is null || row.Labels.Contains(
            $"\"{filter.LabelKey}\":\"{filter.LabelValue}\"", StringComparison.Ordinal))
        && (filter.CreatedFrom is not { } from || row.Created >= from)
        && (filter.CreatedTo is not { } to || row.Created < to);

    private static ListedTask RowOf(Month month, int i)
    {
        var created = month.Start.AddSeconds(i);
        var first = RowId.First(created);
        return new ListedTask($"{first[..14]}7000-8000-{i:x12}", created, month.Start.AddSeconds(i * 7919 % 8000))
        {
            Type = i % 5 == 0 ? "evaluation" : "index",
            Status = (i % 7) switch { 0 => "failed", 1 => "cancelled", 2 => "pending", _ => "completed" },
            Priority = 4 + (i % 3),
            Parent = i % 2 == 0 ? "many" : i % 199 == 1 ? "few" : null,
            Labels = i % 400 == 0 ? """{"team":"a","rare":"x"}""" : i % 2 == 0
                ? """{"team":"a"}"""
                : $$"""{"row":"r{{i}}","of":"b"}""",
        };
    }
}

/// <summary>A row of the history.</summary>
internal sealed record ListedTask(string Id, DateTimeOffset Created, DateTimeOffset Updated)
{
    public required string Type { get; init; }

    public required string Status { get; init; }

    public required int Priority { get; init; }

    public required string? Parent { get; init; }

    public required string Labels { get; init; }
}
