using System.Data.Common;
using Dapper;

namespace Taishang.Core.Data;

/// <summary>
/// Gives months of tasks that were made by an earlier version what lists need: indexes, counts and labels, with the
/// triggers that keep them. PostgreSQL goes on writing meanwhile: indexes are built concurrently, labels are copied in
/// pieces behind a trigger that already keeps them, and only the count holds writers back, for as long as it takes to
/// count an index. SQLite, which has one writer, does all of it in one transaction.
/// </summary>
internal static class MonthlyCounts
{
    /// <summary>Follows a table's name in that of the trigger that is made last: a month that has it is whole.
    /// </summary>
    public const string LastTrigger = "_made";

    /// <summary>Any number that no other lock of this database uses.</summary>
    private const long IndexLock = 0x7461695f696478;

    private const int PieceMax = 5_000;

    private const string Indexes = """
        CREATE INDEX {concurrently} IF NOT EXISTS ix_tai_tasks_{month}_lane
            ON tai_tasks_{month} (status, type, priority, id);
        CREATE INDEX {concurrently} IF NOT EXISTS ix_tai_tasks_{month}_updated ON tai_tasks_{month} (updated_at, id);
        CREATE INDEX {concurrently} IF NOT EXISTS ix_tai_tasks_{month}_children
            ON tai_tasks_{month} (parent_id, id) WHERE parent_id IS NOT NULL
        """;

    /// <summary>Of an earlier version; the new ones answer what these did.</summary>
    private const string OldIndexes = """
        DROP INDEX {concurrently} IF EXISTS ix_tai_tasks_{month}_status;
        DROP INDEX {concurrently} IF EXISTS ix_tai_tasks_{month}_type;
        DROP INDEX {concurrently} IF EXISTS ix_tai_tasks_{month}_parent
        """;

    /// <summary>Left by a process that died while it built them concurrently.</summary>
    private const string BrokenIndexes = """
        SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE i.indrelid = to_regclass(@table) AND NOT i.indisvalid
        """;

    private const string Count = """
        DELETE FROM tai_task_counts_{month};
        INSERT INTO tai_task_counts_{month} (status, type, priority, count)
        SELECT status, type, priority, count(*) FROM tai_tasks_{month} GROUP BY status, type, priority
        """;

    private const string SqliteLabels = """
        DELETE FROM tai_task_labels_{month};
        INSERT INTO tai_task_labels_{month} (label_key, label_value, task_id)
        SELECT l.key, l.value, t.id FROM tai_tasks_{month} AS t, json_each(t.labels) AS l WHERE l.value IS NOT NULL
        """;

    /// <summary>Rows are locked while they are copied: a change of their labels comes before or after it.</summary>
    private const string PostgreSqlLabels = """
        WITH piece AS (
            SELECT id, labels FROM tai_tasks_{month} WHERE id > @after ORDER BY id LIMIT @take FOR SHARE),
        put AS (
            INSERT INTO tai_task_labels_{month} (label_key, label_value, task_id)
            SELECT l.key, l.value, piece.id FROM piece CROSS JOIN LATERAL json_each_text(piece.labels::json) AS l
            WHERE piece.labels <> '{}' AND l.value IS NOT NULL
            ON CONFLICT DO NOTHING)
        SELECT max(id) FROM piece
        """;

    private const string SqliteHas =
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = 'tai_tasks_{month}_made'";

    private const string PostgreSqlHas = """
        SELECT count(*) FROM pg_trigger
        WHERE tgrelid = to_regclass('tai_tasks_{month}') AND tgname = 'tai_tasks_{month}_made'
        """;

    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(100);

    /// <summary>Gives every month that is known what it lacks.</summary>
    public static async Task AddAsync(
        Database database, MonthlyTables tables, TimeProvider time, CancellationToken cancellation)
    {
        var lacking = tables.Known(MonthlyTable.Tasks).Where(month => !tables.IsCounted(month)).ToArray();
        if (lacking.Length > 0) await tables.RefreshAsync(cancellation);
        foreach (var month in lacking.Where(month => !tables.IsCounted(month)))
        {
            if (database.Dialect == Dialect.Sqlite) await AddSqliteAsync(database, month, cancellation);
            else await AddPostgreSqlAsync(database, month, time, cancellation);
        }

        if (lacking.Length > 0) await tables.RefreshAsync(cancellation);
    }

    private static Task AddSqliteAsync(Database database, Month month, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                if (await session.ScalarAsync<long>(MonthlyTable.Sql(SqliteHas, month)) > 0) return;
                await session.ExecuteAsync(Sql(Indexes, month, ""));
                await session.ExecuteAsync(Sql(OldIndexes, month, ""));
                await session.ExecuteAsync(MonthlyTable.Sql(Count, month));
                await session.ExecuteAsync(MonthlyTable.Sql(SqliteLabels, month));
                await session.ExecuteAsync(MonthlyTable.Tasks.Beside(month, Dialect.Sqlite));
            },
            cancellation);

    private static async Task AddPostgreSqlAsync(
        Database database, Month month, TimeProvider time, CancellationToken cancellation)
    {
        // The lock goes with the connection. It is asked for again and again: who waits for it inside of the server
        // has a snapshot, and an index that is built concurrently waits for snapshots.
        await using var connection = await database.ConnectAsync(cancellation);
        var key = new { key = IndexLock };
        while (!await connection.ExecuteScalarAsync<bool>(
            Command("SELECT pg_try_advisory_lock(@key)", key, cancellation)))
        {
            await Task.Delay(LockPause, time, cancellation);
        }

        if (await connection.ExecuteScalarAsync<long>(
            Command(MonthlyTable.Sql(PostgreSqlHas, month), null, cancellation)) > 0) return;
        await AddIndexesAsync(connection, month, cancellation);
        var triggers = Triggers(month);
        foreach (var label in triggers.Where(IsOfLabels))
            await connection.ExecuteAsync(Command(label, null, cancellation));
        await CopyLabelsAsync(connection, month, cancellation);
        await using (var transaction = await connection.BeginTransactionAsync(cancellation))
        {
            var table = MonthlyTable.Tasks.Of(month);
            await connection.ExecuteAsync(
                Command($"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE", null, cancellation));
            await connection.ExecuteAsync(Command(MonthlyTable.Sql(Count, month), null, cancellation));
            foreach (var count in triggers.Where(trigger => !IsOfLabels(trigger)))
                await connection.ExecuteAsync(Command(count, null, cancellation));
            await transaction.CommitAsync(cancellation);
        }

        foreach (var drop in Sql(OldIndexes, month, "CONCURRENTLY").Split(';'))
            await connection.ExecuteAsync(Command(drop, null, cancellation));
    }

    private static async Task AddIndexesAsync(DbConnection connection, Month month, CancellationToken cancellation)
    {
        var table = MonthlyTable.Tasks.Of(month);
        var broken = await connection.QueryAsync<string>(Command(BrokenIndexes, new { table }, cancellation));
        foreach (var name in broken.Where(name => name.StartsWith($"ix_{table}_", StringComparison.Ordinal)))
            await connection.ExecuteAsync(Command($"DROP INDEX IF EXISTS {name}", null, cancellation));
        // Each by itself: what is done concurrently can not be in one transaction with anything.
        foreach (var index in Sql(Indexes, month, "CONCURRENTLY").Split(';'))
            await connection.ExecuteAsync(Command(index, null, cancellation));
    }

    private static async Task CopyLabelsAsync(DbConnection connection, Month month, CancellationToken cancellation)
    {
        var sql = MonthlyTable.Sql(PostgreSqlLabels, month);
        // What an earlier try left may be of labels that changed since.
        await connection.ExecuteAsync(
            Command(MonthlyTable.Sql("DELETE FROM tai_task_labels_{month}", month), null, cancellation));
        for (var after = ""; after is not null;)
        {
            after = await connection.ExecuteScalarAsync<string?>(
                Command(sql, new { after, take = PieceMax }, cancellation));
        }
    }

    private static string[] Triggers(Month month) =>
    [
        .. MonthlyTable.Tasks.Beside(month, Dialect.PostgreSql).Split(';')
            .Where(part => part.Contains("CREATE ", StringComparison.Ordinal)),
    ];

    private static bool IsOfLabels(string trigger) =>
        trigger.Contains("tai_task_put(", StringComparison.Ordinal)
        || trigger.Contains("tai_task_relabelled(", StringComparison.Ordinal);

    private static string Sql(string statement, Month month, string concurrently) =>
        MonthlyTable.Sql(statement.Replace("{concurrently} ", concurrently.Length > 0 ? concurrently + " " : "",
            StringComparison.Ordinal), month);

    /// <summary>Without a limit of time: the month may be large.</summary>
    private static CommandDefinition Command(string sql, object? parameters, CancellationToken cancellation) =>
        new(sql, parameters, commandTimeout: 0, cancellationToken: cancellation);
}
