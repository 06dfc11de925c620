using System.Collections.Immutable;

namespace Taishang.Core.Data;

/// <summary>
/// Makes the monthly tables ahead of need, knows which exist, and drops a month. What exists is remembered; another
/// process may make or drop a month, so <see cref="RefreshAsync"/> looks again when a row's month is not known.
/// </summary>
public sealed class MonthlyTables(Database database, TimeProvider time)
{
    /// <summary>Any number that no other lock of this database uses: tables are made under it.</summary>
    private const long DefinitionLock = 0x7461695f6d6f6e;

    private const string OfTheMonth = "task_id >= @from AND task_id < @to";

    private const string ParentOfTheMonth = "parent_id >= @from AND parent_id < @to";

    /// <summary>
    /// What else there is of the tasks of a month, in ranges, because ids begin with their time. A task of another
    /// month that waits for one of them no longer does.
    /// </summary>
    private static readonly string[] ForgetTasks =
    [
        $"DELETE FROM tai_task_queue WHERE {OfTheMonth}",
        $"DELETE FROM tai_task_unique_keys WHERE {OfTheMonth}",
        $"""
        UPDATE tai_task_queue SET waits = waits - (
            SELECT count(*) FROM tai_task_dependencies d
            WHERE d.task_id = tai_task_queue.task_id AND {ParentOfTheMonth})
        WHERE task_id IN (SELECT task_id FROM tai_task_dependencies WHERE {ParentOfTheMonth})
        """,
        $"DELETE FROM tai_task_dependencies WHERE {OfTheMonth} OR {ParentOfTheMonth}",
    ];

    private const string SqliteNames = "SELECT name FROM sqlite_master WHERE type IN ('table', 'trigger')";

    private const string PostgreSqlNames = """
        SELECT tablename FROM pg_tables WHERE schemaname = current_schema()
        UNION ALL
        SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
        WHERE NOT tgisinternal AND relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
        """;

    private const string SqliteHas = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = @name";

    private const string PostgreSqlHas = "SELECT count(*) FROM pg_class WHERE oid = to_regclass(@name)";

    private readonly Lock _gate = new();
    private ImmutableDictionary<MonthlyTable, ImmutableSortedSet<Month>> _known =
        MonthlyTable.All.ToImmutableDictionary(table => table, _ => ImmutableSortedSet<Month>.Empty);

    private ImmutableSortedSet<Month> _counted = [];

    /// <summary>Months that exist as far as is known here, newest first.</summary>
    public IReadOnlyList<Month> Known(MonthlyTable table) => [.. _known[table].Reverse()];

    public bool IsKnown(MonthlyTable table, Month month) => _known[table].Contains(month);

    /// <summary>
    /// True when the month of tasks has the indexes, counts and labels that lists need: one of an earlier version gets
    /// them after the start.
    /// </summary>
    public bool IsCounted(Month month) => _counted.Contains(month);

    /// <summary>This month and the next, of every table.</summary>
    public async Task EnsureAheadAsync(CancellationToken cancellation)
    {
        await RefreshAsync(cancellation);
        var month = Month.Of(time.GetUtcNow());
        foreach (var table in MonthlyTable.All)
        {
            await EnsureAsync(table, month, cancellation);
            await EnsureAsync(table, month.Next(), cancellation);
        }

        await RefreshAsync(cancellation);
        // A kind of table that came with this version is made for the months of tasks that are there.
        foreach (var kept in Known(MonthlyTable.Tasks))
        {
            foreach (var table in MonthlyTable.OfTasks) await EnsureAsync(table, kept, cancellation);
        }

        await MonthlyColumns.AddAsync(database, this, cancellation);
        await MonthlyCounts.AddAsync(database, this, time, cancellation);
    }

    /// <summary>Makes the table of a month in a transaction of its own when it is not there.</summary>
    public async Task EnsureAsync(MonthlyTable table, Month month, CancellationToken cancellation)
    {
        if (IsKnown(table, month)) return;
        await database.WriteAsync(session => DefineAsync(session, table, month), cancellation);
        Remember(table, month);
    }

    /// <summary>Makes the table of a month inside the caller's transaction when it is not there.</summary>
    public async Task EnsureAsync(DatabaseSession session, MonthlyTable table, Month month)
    {
        if (IsKnown(table, month)) return;
        await DefineAsync(session, table, month);
        // Only a commit makes it true for others.
        session.AfterCommit(() => Remember(table, month));
    }

    /// <summary>Looks which months exist.</summary>
    public async Task RefreshAsync(CancellationToken cancellation)
    {
        var names = await database.ReadAsync(
            session => session.QueryAsync<string>(session.Dialect == Dialect.Sqlite
                ? SqliteNames
                : PostgreSqlNames),
            cancellation);
        var found = MonthlyTable.All.ToImmutableDictionary(
            table => table,
            table => names.Select(table.Parse).OfType<Month>().ToImmutableSortedSet());
        var counted = names.Where(name => name.EndsWith(MonthlyCounts.LastTrigger, StringComparison.Ordinal))
            .Select(name => MonthlyTable.Tasks.Parse(name[..^MonthlyCounts.LastTrigger.Length]))
            .OfType<Month>().ToImmutableSortedSet();
        lock (_gate) (_known, _counted) = (found, counted);
    }

    /// <summary>
    /// Drops a month with all its rows, that of tasks with their trail, logs, keys, ties and places in the queue;
    /// nothing happens when it does not exist.
    /// </summary>
    public async Task DropAsync(MonthlyTable table, Month month, CancellationToken cancellation)
    {
        var dropped = table == MonthlyTable.Tasks ? MonthlyTable.OfTasks : [table];
        await database.WriteAsync(
            async session =>
            {
                foreach (var one in dropped) await session.ExecuteAsync($"DROP TABLE IF EXISTS {one.Of(month)}");
                if (table != MonthlyTable.Tasks) return;
                var range = new { from = RowId.First(month.Start), to = RowId.First(month.Next().Start) };
                foreach (var forget in ForgetTasks) await session.ExecuteAsync(forget, range);
            },
            cancellation);
        Forget(dropped, month);
    }

    /// <summary>These months are gone, by a transaction that is durable.</summary>
    internal void Forget(IEnumerable<MonthlyTable> tables, Month month)
    {
        lock (_gate)
        {
            foreach (var table in tables) _known = _known.SetItem(table, _known[table].Remove(month));
            _counted = _counted.Except(_known[MonthlyTable.Tasks].Contains(month) ? [] : [month]);
        }
    }

    private static async Task DefineAsync(DatabaseSession session, MonthlyTable table, Month month)
    {
        if (session.Dialect == Dialect.PostgreSql) await LockDefinitionsAsync(session);
        // One that is there may be of an earlier version: what it lacks is not to be made in the caller's transaction.
        var has = session.Dialect == Dialect.PostgreSql ? PostgreSqlHas : SqliteHas;
        if (await session.ScalarAsync<long>(has, new { name = table.Of(month) }) > 0) return;
        await session.ExecuteAsync(table.Definition(month));
        if (table.Beside(month, session.Dialect) is { Length: > 0 } beside) await session.ExecuteAsync(beside);
    }

    /// <summary>PostgreSQL: until the transaction ends no other process makes or changes a monthly table.</summary>
    internal static Task LockDefinitionsAsync(DatabaseSession session) =>
        session.ScalarAsync<object>("SELECT pg_advisory_xact_lock(@key)", new { key = DefinitionLock });

    private void Remember(MonthlyTable table, Month month)
    {
        lock (_gate) _known = _known.SetItem(table, _known[table].Add(month));
    }
}
