using System.Data.Common;
using Dapper;

namespace Taishang.Core.Data;

/// <summary>
/// One connection, in one transaction when writing, lent to a store for the length of a call. Parameters are written
/// <c>@name</c>; times are <see cref="DateTimeOffset"/>; <c>tai_now()</c>, <c>tai_after(milliseconds)</c> and
/// <c>tai_now_ms()</c> (milliseconds since 1970) are the database's clock on both dialects; <c>tai_feed()</c> is a
/// number that grows with the order of transactions.
/// </summary>
public sealed class DatabaseSession(DbConnection connection, DbTransaction? transaction, Dialect dialect,
    CancellationToken cancellation)
{
    /// <summary>Sent in one with the last statement: the commit is then no round trip of its own.</summary>
    private const string AndCommit = ";\nCOMMIT";

    private List<Action>? _afterCommit;
    private CommandDefinition? _later;

    public Dialect Dialect { get; } = dialect;

    public DbConnection Connection { get; } = connection;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>A statement has taken the commit with it.</summary>
    internal bool IsCommitted { get; private set; }

    private bool CanCommit => transaction is not null && Dialect == Dialect.PostgreSql;

    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null)
    {
        await RunLaterAsync();
        return (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();
    }

    public async Task<T?> FindAsync<T>(string sql, object? parameters = null)
    {
        await RunLaterAsync();
        return await Connection.QueryFirstOrDefaultAsync<T?>(Command(sql, parameters));
    }

    public async Task<T?> ScalarAsync<T>(string sql, object? parameters = null)
    {
        await RunLaterAsync();
        return await Connection.ExecuteScalarAsync<T?>(Command(sql, parameters));
    }

    /// <summary>Runs a statement (once per element when given a list) and returns rows changed.</summary>
    public async Task<int> ExecuteAsync(string sql, object? parameters = null)
    {
        await RunLaterAsync();
        return await Connection.ExecuteAsync(Command(sql, parameters));
    }

    /// <summary>
    /// Runs a statement of which nothing is asked back before whatever the session runs next, or else with the commit:
    /// on PostgreSQL both are one round trip. If it fails, that fails.
    /// </summary>
    public async Task ExecuteLaterAsync(string sql, object? parameters)
    {
        await RunLaterAsync();
        if (CanCommit) _later = Command(sql, parameters);
        else await Connection.ExecuteAsync(Command(sql, parameters));
    }

    /// <summary>
    /// A write's last query: on PostgreSQL it commits in the same round trip, and nothing may follow it. Only for who
    /// called <see cref="Database.WriteAsync"/>.
    /// </summary>
    public async Task<IReadOnlyList<T>> QueryLastAsync<T>(string sql, object? parameters)
    {
        if (!CanCommit) return await QueryAsync<T>(sql, parameters);
        var rows = await QueryAsync<T>(sql + AndCommit, parameters);
        IsCommitted = true;
        return rows;
    }

    /// <summary>The database's clock.</summary>
    public async Task<DateTimeOffset> NowAsync() => (await QueryAsync<DateTimeOffset>("SELECT tai_now()"))[0];

    /// <summary>Runs once the transaction is durable, and never when it was rolled back. Must be quick.</summary>
    public void AfterCommit(Action action) => (_afterCommit ??= []).Add(action);

    internal void Committed()
    {
        foreach (var action in _afterCommit ?? []) action();
    }

    /// <summary>Commits with what was left for later; false when there is nothing, or nothing any more.</summary>
    internal async Task<bool> CommitLaterAsync()
    {
        if (IsCommitted) return true;
        if (_later is not { } later) return false;
        _later = null;
        await Connection.ExecuteAsync(Command(later.CommandText + AndCommit, later.Parameters));
        return IsCommitted = true;
    }

    private async Task RunLaterAsync()
    {
        if (IsCommitted) throw new InvalidOperationException("the transaction is committed: nothing may follow");
        if (_later is not { } later) return;
        _later = null;
        await Connection.ExecuteAsync(later);
    }

    private CommandDefinition Command(string sql, object? parameters) =>
        new(sql, parameters, transaction, cancellationToken: Cancellation);
}
