using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;
using SQLitePCL;
using Taishang.Core.Data;

namespace Taishang.Core.Tests.Tasks.History;

/// <summary>
/// A database that tells how it answered each read: PostgreSQL by the plan that it really used, with the rows that it
/// really read; SQLite by the plan of each statement, asked for behind it.
/// </summary>
internal sealed class SpyDatabase(Database inner) : Database
{
    private const string Explain = """
        LOAD 'auto_explain';
        SET auto_explain.log_min_duration = 0; SET auto_explain.log_analyze = on; SET auto_explain.log_timing = off;
        SET client_min_messages = log
        """;

    public override Dialect Dialect => inner.Dialect;

    /// <summary>Statements and their plans, in one text each, since the last call.</summary>
    public List<string> Plans { get; } = [];

    public override Task<T> ReadAsync<T>(Func<DatabaseSession, Task<T>> read, CancellationToken cancellation) =>
        inner.ReadAsync(
            session => session.Connection is NpgsqlConnection server
                ? OnServerAsync(session, server, read)
                : InFileAsync(session, (SqliteConnection)session.Connection, read),
            cancellation);

    public override Task<T> WriteAsync<T>(Func<DatabaseSession, Task<T>> write, CancellationToken cancellation) =>
        inner.WriteAsync(write, cancellation);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    internal override Task<DbConnection> ConnectAsync(CancellationToken cancellation) =>
        inner.ConnectAsync(cancellation);

    private async Task<T> OnServerAsync<T>(
        DatabaseSession session, NpgsqlConnection server, Func<DatabaseSession, Task<T>> read)
    {
        await session.ExecuteAsync(Explain);
        void Hear(object? sender, NpgsqlNoticeEventArgs e)
        {
            if (e.Notice.MessageText.Contains("Query Text:", StringComparison.Ordinal)) Plans.Add(e.Notice.MessageText);
        }

        server.Notice += Hear;
        try
        {
            return await read(session);
        }
        finally
        {
            server.Notice -= Hear;
        }
    }

    private async Task<T> InFileAsync<T>(
        DatabaseSession session, SqliteConnection file, Func<DatabaseSession, Task<T>> read)
    {
        var said = new List<string>();
        raw.sqlite3_trace(file.Handle, (_, text) => said.Add(text), null);
        T result;
        try
        {
            result = await read(session);
        }
        finally
        {
            raw.sqlite3_trace(file.Handle, (strdelegate_trace?)null, null);
        }

        foreach (var statement in said.Where(text => text.StartsWith("SELECT", StringComparison.Ordinal)))
        {
            var plan = await session.QueryAsync<PlanRow>("EXPLAIN QUERY PLAN " + statement);
            Plans.Add($"{statement}\n{string.Join('\n', plan.Select(row => row.Detail))}");
        }

        return result;
    }

    private sealed class PlanRow
    {
        public required string Detail { get; init; }
    }
}
