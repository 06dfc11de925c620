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

    private readonly Lock _gate = new();
    private ImmutableDictionary<MonthlyTable, ImmutableSortedSet<Month>> _known =
        MonthlyTable.All.ToImmutableDictionary(table => table, _ => ImmutableSortedSet<Month>.Empty);

    /// <summary>Months that exist as far as is known here, newest first.</summary>
    public IReadOnlyList<Month> Known(MonthlyTable table) => [.. _known[table].Reverse()];

    public bool IsKnown(MonthlyTable table, Month month) => _known[table].Contains(month);

    /// <summary>This month and the next, of every table.</summary>
    public async Task EnsureAheadAsync(CancellationToken cancellation)
    {
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
                ? "SELECT name FROM sqlite_master WHERE type = 'table'"
                : "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"),
            cancellation);
        var found = MonthlyTable.All.ToImmutableDictionary(
            table => table,
            table => names.Select(table.Parse).OfType<Month>().ToImmutableSortedSet());
        lock (_gate) _known = found;
    }

    /// <summary>
    /// Drops a month with all its rows, that of tasks with their trail, logs and places in the queue; nothing happens
    /// when it does not exist.
    /// </summary>
    public async Task DropAsync(MonthlyTable table, Month month, CancellationToken cancellation)
    {
        var dropped = table == MonthlyTable.Tasks ? MonthlyTable.OfTasks : [table];
        await database.WriteAsync(
            async session =>
            {
                foreach (var one in dropped) await session.ExecuteAsync($"DROP TABLE IF EXISTS {one.Of(month)}");
                if (table != MonthlyTable.Tasks) return;
                // Ids begin with their time: the queue of a month is one range.
                await session.ExecuteAsync(
                    "DELETE FROM tai_task_queue WHERE task_id >= @from AND task_id < @to",
                    new { from = RowId.First(month.Start), to = RowId.First(month.Next().Start) });
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
        }
    }

    private static async Task DefineAsync(DatabaseSession session, MonthlyTable table, Month month)
    {
        if (session.Dialect == Dialect.PostgreSql) await LockDefinitionsAsync(session);
        await session.ExecuteAsync(table.Definition(month));
    }

    /// <summary>PostgreSQL: until the transaction ends no other process makes or changes a monthly table.</summary>
    internal static Task LockDefinitionsAsync(DatabaseSession session) =>
        session.ScalarAsync<object>("SELECT pg_advisory_xact_lock(@key)", new { key = DefinitionLock });

    private void Remember(MonthlyTable table, Month month)
    {
        lock (_gate) _known = _known.SetItem(table, _known[table].Add(month));
    }
}
