using System.Data.Common;
using Taishang.Core.Api;

namespace Taishang.Core.Data;

/// <summary>The door to SQL. Two real implementations: a SQLite file and a PostgreSQL server.</summary>
public abstract class Database : IAsyncDisposable
{
    public abstract Dialect Dialect { get; }

    /// <summary>When given, calls are refused until the schema is in place.</summary>
    internal DatabaseState? State { get; init; }

    /// <summary>Runs a read; sees what was committed before it began.</summary>
    public abstract Task<T> ReadAsync<T>(Func<DatabaseSession, Task<T>> read, CancellationToken cancellation);

    /// <summary>
    /// As <see cref="ReadAsync"/>, on a connection of its own: what it takes of the session, such as a lock, goes with
    /// it.
    /// </summary>
    public virtual Task<T> ReadAloneAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation) => ReadAsync(read, cancellation);

    /// <summary>
    /// Runs a write in one transaction that is durable when the task completes. The delegate may be run again after a
    /// serialisation failure, so it touches nothing but the session.
    /// </summary>
    public abstract Task<T> WriteAsync<T>(Func<DatabaseSession, Task<T>> write, CancellationToken cancellation);

    public abstract ValueTask DisposeAsync();

    public Task WriteAsync(Func<DatabaseSession, Task> write, CancellationToken cancellation) =>
        WriteAsync(
            async session =>
            {
                await write(session);
                return 0;
            },
            cancellation);

    /// <summary>Opens what the options name; a connection with a host is PostgreSQL.</summary>
    public static Database Open(DatabaseOptions options, TimeProvider time, DatabaseState? state = null) =>
        options.Connection.Contains("Host=", StringComparison.OrdinalIgnoreCase)
            ? new PostgreSqlDatabase(options) { State = state }
            : new SqliteDatabase(options, time) { State = state };

    /// <summary>A connection outside of pools and transactions, which the caller disposes: for migrations.</summary>
    internal abstract Task<DbConnection> ConnectAsync(CancellationToken cancellation);

    protected void RequireReady()
    {
        if (State is { Reason: { } reason }) throw new ApiException(ErrorCodes.DatabaseUnavailable, reason);
    }
}
