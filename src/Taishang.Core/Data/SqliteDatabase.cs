using System.Data.Common;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Taishang.Core.Data;

/// <summary>
/// One file, one writer. SQLite takes one write transaction at a time and each commit waits for the disk, so writes
/// stand in a queue and those that wait together share one transaction (group commit): each runs in a savepoint of its
/// own, a failed one is rolled back alone, and all are answered after the one commit. Waiting in a queue of ours keeps
/// order and leaves the busy time-out to foreign processes.
/// </summary>
internal sealed class SqliteDatabase : Database
{
    /// <summary>More would make the first of a group wait too long for the last.</summary>
    private const int GroupMax = 128;

    /// <summary>Writers beyond this wait in line: each holds a request.</summary>
    private const int WaitingMax = 10_000;

    private const string Savepoint = "one_write";

    private readonly SqliteConnections _connections;
    private readonly Channel<SqliteWrite> _waiting = Channel.CreateBounded<SqliteWrite>(
        new BoundedChannelOptions(WaitingMax) { SingleReader = true });
    private readonly Task _writer;

    /// <summary>
    /// The one that writes, kept: a connection forgets its cache when another has written. Of the write loop alone.
    /// </summary>
    private SqliteConnection? _writing;

    public SqliteDatabase(DatabaseOptions options, TimeProvider time)
    {
        TimeTypes.Register();
        _connections = new SqliteConnections(options, time);
        using (ExecutionContext.SuppressFlow()) _writer = Task.Run(WriteLoopAsync);
    }

    public override Dialect Dialect => Dialect.Sqlite;

    public override async Task<T> ReadAsync<T>(
        Func<DatabaseSession, Task<T>> read, CancellationToken cancellation)
    {
        RequireReady();
        var connection = await _connections.RentAsync(cancellation);
        try
        {
            var result = await read(new DatabaseSession(connection, null, Dialect, cancellation));
            _connections.Return(connection);
            return result;
        }
        catch
        {
            // After an error the connection's state is not known; a new one is cheap enough.
            await connection.DisposeAsync();
            throw;
        }
    }

    public override async Task<T> WriteAsync<T>(
        Func<DatabaseSession, Task<T>> write, CancellationToken cancellation)
    {
        RequireReady();
        var waiting = new SqliteWrite<T>(write, cancellation);
        await _waiting.Writer.WriteAsync(waiting, cancellation);
        return await waiting.Done;
    }

    public override async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _writer;
        if (_writing is not null) await _writing.DisposeAsync();
        _connections.Dispose();
    }

    internal override async Task<DbConnection> ConnectAsync(CancellationToken cancellation) =>
        await _connections.OpenAsync(cancellation);

    private async Task WriteLoopAsync()
    {
        var group = new List<SqliteWrite>(GroupMax);
        while (await _waiting.Reader.WaitToReadAsync())
        {
            while (group.Count < GroupMax && _waiting.Reader.TryRead(out var write)) group.Add(write);
            try
            {
                await WriteGroupAsync(group);
            }
            catch (Exception e)
            {
                // The transaction as a whole failed, so nothing of it was kept. Those already answered stay answered.
                foreach (var write in group) write.Fail(e);
            }

            group.Clear();
        }
    }

    private async Task WriteGroupAsync(List<SqliteWrite> group)
    {
        var connection = _writing ??= await _connections.OpenAsync(CancellationToken.None);
        try
        {
            await using (var transaction = connection.BeginTransaction(deferred: false))
            {
                for (var i = 0; i < group.Count; i++)
                {
                    if (await RunAsync(connection, transaction, group[i], alone: group.Count == 1)) continue;
                    group.RemoveAt(i--);
                }

                if (group.Count > 0) await transaction.CommitAsync();
            }
        }
        catch
        {
            // After an error the connection's state is not known.
            _writing = null;
            await connection.DisposeAsync();
            throw;
        }

        foreach (var write in group) write.Succeed();
    }

    /// <summary>False when the write failed by itself, was undone and answered.</summary>
    private static async Task<bool> RunAsync(
        SqliteConnection connection, SqliteTransaction transaction, SqliteWrite write, bool alone)
    {
        if (!alone) transaction.Save(Savepoint);
        try
        {
            write.Cancellation.ThrowIfCancellationRequested();
            await write.RunAsync(new DatabaseSession(connection, transaction, Dialect.Sqlite, write.Cancellation));
            if (!alone) transaction.Release(Savepoint);
            return true;
        }
        catch (Exception e)
        {
            if (!alone)
            {
                transaction.Rollback(Savepoint);
                transaction.Release(Savepoint);
            }

            write.Fail(e);
            return false;
        }
    }
}
