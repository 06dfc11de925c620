using Npgsql;

namespace Taishang.Core.Data;

/// <summary>A PostgreSQL server behind a pool.</summary>
internal sealed class PostgreSqlDatabase : Database
{
    /// <summary>Serialisation failures and deadlocks are run again this often before they reach the caller.</summary>
    private const int AttemptsMax = 3;

    private readonly NpgsqlDataSource _source;

    public PostgreSqlDatabase(DatabaseOptions options)
    {
        TimeTypes.Register();
        var builder = new NpgsqlConnectionStringBuilder(options.Connection)
        {
            MaxPoolSize = options.PoolSize,
            CommandTimeout = options.BusyTimeoutSeconds,
            Timeout = options.BusyTimeoutSeconds,
            ApplicationName = "taishang-core",
        };
        _source = new NpgsqlDataSourceBuilder(builder.ToString()).Build();
    }

    public override Dialect Dialect => Dialect.PostgreSql;

    public override async Task<T> ReadAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellation);
        return await read(new DatabaseSession(connection, null, Dialect, cancellation));
    }

    public override async Task<T> WriteAsync<T>(
        Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await _source.OpenConnectionAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(cancellation);
                var result = await write(new DatabaseSession(connection, transaction, Dialect, cancellation));
                await transaction.CommitAsync(cancellation);
                return result;
            }
            catch (PostgresException e) when (attempt < AttemptsMax
                && e.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected)
            {
                // Nothing was committed: the same transaction is tried again on a fresh snapshot.
            }
        }
    }

    public override ValueTask DisposeAsync() => _source.DisposeAsync();
}
