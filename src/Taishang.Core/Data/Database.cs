namespace Taishang.Core.Data;

/// <summary>The door to SQL. Two real implementations: a SQLite file and a PostgreSQL server.</summary>
public abstract class Database : IAsyncDisposable
{
    public abstract Dialect Dialect { get; }

    /// <summary>Runs a read; sees what was committed before it began.</summary>
    public abstract Task<T> ReadAsync<T>(Func<DatabaseSession, Task<T>> read, CancellationToken cancellation);

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
    public static Database Open(DatabaseOptions options, TimeProvider time) =>
        options.Connection.Contains("Host=", StringComparison.OrdinalIgnoreCase)
            ? new PostgreSqlDatabase(options)
            : new SqliteDatabase(options, time);
}
