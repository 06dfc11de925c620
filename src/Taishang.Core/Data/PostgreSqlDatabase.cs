using System.Data.Common;
using Npgsql;

namespace Taishang.Core.Data;

/// <summary>A PostgreSQL server behind a pool.</summary>
/// <remarks>Given a clock, every session's <c>tai_now()</c> follows it: so tests move the database's time.</remarks>
internal sealed class PostgreSqlDatabase : Database
{
    /// <summary>Serialisation failures and deadlocks are run again this often before they reach the caller.</summary>
    private const int AttemptsMax = 3;

    /// <summary>Statements of a connection that are kept prepared: about as many as the stores hold.</summary>
    private const int PreparedMax = 100;

    private readonly NpgsqlDataSource _source;

    /// <summary>Without a pool. The source's own text lacks the password.</summary>
    private readonly string _alone;

    private readonly TimeProvider? _clock;

    public PostgreSqlDatabase(DatabaseOptions options, TimeProvider? clock = null)
    {
        TimeTypes.Register();
        _clock = clock;
        var builder = new NpgsqlConnectionStringBuilder(options.Connection)
        {
            MaxPoolSize = options.PoolSize,
            CommandTimeout = options.BusyTimeoutSeconds,
            Timeout = options.BusyTimeoutSeconds,
            MaxAutoPrepare = PreparedMax,
            AutoPrepareMinUsages = 2,
            // Nothing here leaves a mark on its session but what runs on a connection of its own, and to reset one
            // costs more than a small statement.
            NoResetOnClose = true,
            ApplicationName = "taishang-core",
        };
        builder.Options = $"{builder.Options} {LetGo(options)}".Trim();
        _source = new NpgsqlDataSourceBuilder(builder.ToString()).Build();
        builder.Pooling = false;
        _alone = builder.ToString();
    }

    public override Dialect Dialect => Dialect.PostgreSql;

    /// <summary>
    /// A process that is paused or cut off in the middle of a transaction holds its locks, the turn of all claims among
    /// them, and the server would wait for it for ever. It ends such a session while those who wait for the lock still
    /// have patience. Transactions here do nothing but speak to the server, so none is quiet for so long by itself.
    /// </summary>
    private static string LetGo(DatabaseOptions options)
    {
        var quietMs = options.BusyTimeoutSeconds * 500;
        return $"-c idle_in_transaction_session_timeout={quietMs} -c tcp_user_timeout={quietMs}";
    }

    public override async Task<T> ReadAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        RequireReady();
        await using var connection = await OpenAsync(cancellation);
        return await read(new DatabaseSession(connection, null, Dialect, cancellation));
    }

    public override async Task<T> WriteAsync<T>(
        Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    {
        RequireReady();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var connection = await OpenAsync(cancellation);
                await using var transaction = await connection.BeginTransactionAsync(cancellation);
                var session = new DatabaseSession(connection, transaction, Dialect, cancellation);
                var result = await write(session);
                if (!await session.CommitLaterAsync()) await transaction.CommitAsync(cancellation);
                session.Committed();
                return result;
            }
            catch (PostgresException e) when (attempt < AttemptsMax
                && e.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected)
            {
                // Nothing was committed: the same transaction is tried again on a fresh snapshot.
            }
        }
    }

    public override async Task<T> ReadAloneAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        RequireReady();
        await using var connection = (NpgsqlConnection)await ConnectAsync(cancellation);
        await SetClockAsync(connection, cancellation);
        return await read(new DatabaseSession(connection, null, Dialect, cancellation));
    }

    /// <summary>Waits on a channel until cancelled or the connection breaks, calling back for each notice.</summary>
    public async Task ListenAsync(string channel, Action<string> notice, CancellationToken cancellation)
    {
        // A connection of its own: in the pool it would go on listening.
        await using var connection = (NpgsqlConnection)await ConnectAsync(cancellation);
        connection.Notification += (_, e) => notice(e.Payload);
        await using (var listen = new NpgsqlCommand($"LISTEN {channel}", connection))
            await listen.ExecuteNonQueryAsync(cancellation);
        while (true) await connection.WaitAsync(cancellation);
    }

    public override ValueTask DisposeAsync() => _source.DisposeAsync();

    internal override async Task<DbConnection> ConnectAsync(CancellationToken cancellation)
    {
        var connection = new NpgsqlConnection(_alone);
        try
        {
            await connection.OpenAsync(cancellation);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken cancellation)
    {
        var connection = await _source.OpenConnectionAsync(cancellation);
        await SetClockAsync(connection, cancellation);
        return connection;
    }

    private async Task SetClockAsync(NpgsqlConnection connection, CancellationToken cancellation)
    {
        if (_clock is null) return;
        await using var set = new NpgsqlCommand("SELECT set_config('tai.now', @now, false)", connection);
        set.Parameters.AddWithValue("now", _clock.GetUtcNow().ToString("O"));
        await set.ExecuteScalarAsync(cancellation);
    }
}
