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
    private List<Action>? _afterCommit;

    public Dialect Dialect { get; } = dialect;

    public DbConnection Connection { get; } = connection;

    public CancellationToken Cancellation { get; } = cancellation;

    public async Task<IReadOnlyList<T>> QueryAsync<T>(string sql, object? parameters = null) =>
        (await Connection.QueryAsync<T>(Command(sql, parameters))).AsList();

    public Task<T?> FindAsync<T>(string sql, object? parameters = null) =>
        Connection.QueryFirstOrDefaultAsync<T?>(Command(sql, parameters));

    public Task<T?> ScalarAsync<T>(string sql, object? parameters = null) =>
        Connection.ExecuteScalarAsync<T?>(Command(sql, parameters));

    /// <summary>Runs a statement (once per element when given a list) and returns rows changed.</summary>
    public Task<int> ExecuteAsync(string sql, object? parameters = null) =>
        Connection.ExecuteAsync(Command(sql, parameters));

    /// <summary>The database's clock.</summary>
    public async Task<DateTimeOffset> NowAsync() => (await QueryAsync<DateTimeOffset>("SELECT tai_now()"))[0];

    /// <summary>Runs once the transaction is durable, and never when it was rolled back. Must be quick.</summary>
    public void AfterCommit(Action action) => (_afterCommit ??= []).Add(action);

    internal void Committed()
    {
        foreach (var action in _afterCommit ?? []) action();
    }

    private CommandDefinition Command(string sql, object? parameters) =>
        new(sql, parameters, transaction, cancellationToken: Cancellation);
}
