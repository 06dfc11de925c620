using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;

namespace Taishang.Core.Data;

/// <summary>
/// Open connections to one file, each set up once: opening, pragmas and functions cost more than most statements, and
/// the driver's own pool forgets functions. Committed means synced: <c>synchronous = FULL</c> under WAL.
/// </summary>
internal sealed class SqliteConnections(DatabaseOptions options, TimeProvider time) : IDisposable
{
    private const int IdleMax = 16;

    /// <summary>
    /// Committed means synced. The log is copied into the file every 16 MiB rather than every four, since each copy is
    /// synced too; a connection caches as much.
    /// </summary>
    private const string Pragmas = """
        PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
        PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -16384;
        """;

    private readonly ConcurrentBag<SqliteConnection> _idle = [];
    private readonly string _connection = Text(options);
    private volatile bool _disposed;
    private long _feed;

    public async Task<SqliteConnection> RentAsync(CancellationToken cancellation) =>
        _idle.TryTake(out var connection) ? connection : await OpenAsync(cancellation);

    public void Return(SqliteConnection connection)
    {
        if (_disposed || _idle.Count >= IdleMax) connection.Dispose();
        else _idle.Add(connection);
    }

    public void Dispose()
    {
        _disposed = true;
        while (_idle.TryTake(out var connection)) connection.Dispose();
    }

    public async Task<SqliteConnection> OpenAsync(CancellationToken cancellation)
    {
        var connection = new SqliteConnection(_connection);
        try
        {
            await connection.OpenAsync(cancellation);
            await using var pragmas = connection.CreateCommand();
            pragmas.CommandText = Pragmas;
            await pragmas.ExecuteNonQueryAsync(cancellation);
            connection.CreateFunction("tai_now", () => TimeTypes.Format(time.GetUtcNow()));
            connection.CreateFunction("tai_now_ms", () => time.GetUtcNow().ToUnixTimeMilliseconds());
            connection.CreateFunction("tai_feed", NextFeed);
            connection.CreateFunction(
                "tai_after", (long milliseconds) => TimeTypes.Format(time.GetUtcNow().AddMilliseconds(milliseconds)));
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// Grows with each call, over restarts too: microseconds since 1970, or one more than the last when the clock has
    /// not moved. One process writes to the file, one transaction at a time, so it is the order of commits.
    /// </summary>
    private long NextFeed()
    {
        var now = (time.GetUtcNow().UtcTicks - DateTime.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;
        while (true)
        {
            var last = Interlocked.Read(ref _feed);
            var next = Math.Max(last + 1, now);
            if (Interlocked.CompareExchange(ref _feed, next, last) == last) return next;
        }
    }

    private static string Text(DatabaseOptions options)
    {
        var text = options.Connection.Contains('=') ? options.Connection : $"Data Source={options.Connection}";
        return new SqliteConnectionStringBuilder(text)
        {
            DefaultTimeout = options.BusyTimeoutSeconds,
            ForeignKeys = true,
            Pooling = false,
        }.ToString();
    }
}
