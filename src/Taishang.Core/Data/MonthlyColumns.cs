namespace Taishang.Core.Data;

/// <summary>
/// Columns that tables of months got after the first of these months were made. New months have them from their
/// definition; a month that is already there is given them here, because a migration can not name it. All of them are
/// such that an older process can go on writing rows without them.
/// </summary>
internal static class MonthlyColumns
{
    private static readonly (MonthlyTable Table, string Name, string Type)[] Added =
    [
        (MonthlyTable.Tasks, "unique_key", "VARCHAR(200)"),
        (MonthlyTable.Tasks, "depends_on", "TEXT"),
        (MonthlyTable.Tasks, "on_parent_failure", "VARCHAR(10)"),
        (MonthlyTable.Tasks, "dependents", "INTEGER NOT NULL DEFAULT 0"),
        (MonthlyTable.Tasks, "chain", "INTEGER NOT NULL DEFAULT 0"),
        (MonthlyTable.Tasks, "schedule_id", "VARCHAR(36)"),
    ];

    private const string PostgreSqlColumns = """
        SELECT column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = @table
        """;

    private const string SqliteColumns = "SELECT name FROM pragma_table_info(@table)";

    /// <summary>Gives every month that is known what it lacks.</summary>
    public static async Task AddAsync(Database database, MonthlyTables tables, CancellationToken cancellation)
    {
        foreach (var columns in Added.GroupBy(column => column.Table))
        {
            foreach (var month in tables.Known(columns.Key))
            {
                var table = columns.Key.Of(month);
                if ((await MissingAsync(database, table, columns, cancellation)).Count == 0) continue;
                await database.WriteAsync(session => AddAsync(session, table, columns), cancellation);
            }
        }
    }

    private static async Task AddAsync(
        DatabaseSession session, string table, IEnumerable<(MonthlyTable Table, string Name, string Type)> columns)
    {
        if (session.Dialect == Dialect.PostgreSql) await MonthlyTables.LockDefinitionsAsync(session);
        // Another process may have been quicker: who holds the lock looks again.
        foreach (var (_, name, type) in await MissingAsync(session, table, columns))
            await session.ExecuteAsync($"ALTER TABLE {table} ADD COLUMN {name} {type}");
    }

    private static Task<List<(MonthlyTable Table, string Name, string Type)>> MissingAsync(
        Database database, string table, IEnumerable<(MonthlyTable Table, string Name, string Type)> columns,
        CancellationToken cancellation) =>
        database.ReadAsync(session => MissingAsync(session, table, columns), cancellation);

    private static async Task<List<(MonthlyTable Table, string Name, string Type)>> MissingAsync(
        DatabaseSession session, string table, IEnumerable<(MonthlyTable Table, string Name, string Type)> columns)
    {
        var there = await session.QueryAsync<string>(
            session.Dialect == Dialect.PostgreSql ? PostgreSqlColumns : SqliteColumns, new { table });
        return [.. columns.Where(column => !there.Contains(column.Name))];
    }
}
