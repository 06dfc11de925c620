using Microsoft.Data.Sqlite;

namespace Taishang.Core.Data;

/// <summary>
/// One file, one writer. SQLite takes one write transaction at a time; waiting for it in a queue of ours keeps order
/// and leaves the busy time-out to foreign processes. Committed means synced: <c>synchronous = FULL</c> under WAL.
/// </summary>
internal sealed class SqliteDatabase : Database
{
    private readonly SemaphoreSlim _writer = new(1, 1);
    private readonly TimeProvider _time;
    private readonly string _connection;

    public SqliteDatabase(DatabaseOptions options, TimeProvider time)
    {
        TimeTypes.Register();
        _time = time;
        var text = options.Connection.Contains('=') ? options.Connection : $"Data Source={options.Connection}";
        _connection = new SqliteConnectionStringBuilder(text)
        {
            DefaultTimeout = options.BusyTimeoutSeconds,
            ForeignKeys = true,
            Pooling = true,
        }.ToString();
    }

    public override Dialect Dialect => Dialect.Sqlite;

    public override async Task<T> ReadAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        await using var connection = await OpenAsync(cancellation);
        return await read(new DatabaseSession(connection, null, Dialect, cancellation));
    }

    public override async Task<T> WriteAsync<T>(
        Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    {
        await _writer.WaitAsync(cancellation);
        try
        {
            await using var connection = await OpenAsync(cancellation);
            await using var transaction = connection.BeginTransaction(deferred: false);
            var result = await write(new DatabaseSession(connection, transaction, Dialect, cancellation));
            await transaction.CommitAsync(cancellation);
            return result;
        }
        finally
        {
            _writer.Release();
        }
    }

    public override ValueTask DisposeAsync()
    {
        using (var connection = new SqliteConnection(_connection)) SqliteConnection.ClearPool(connection);
        _writer.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<SqliteConnection> OpenAsync(CancellationToken cancellation)
    {
        var connection = new SqliteConnection(_connection);
        try
        {
            await connection.OpenAsync(cancellation);
            await using var pragmas = connection.CreateCommand();
            pragmas.CommandText = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;";
            await pragmas.ExecuteNonQueryAsync(cancellation);
            connection.CreateFunction("tai_now", () => TimeTypes.Format(_time.GetUtcNow()));
            connection.CreateFunction(
                "tai_after", (long milliseconds) => TimeTypes.Format(_time.GetUtcNow().AddMilliseconds(milliseconds)));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}
