using System.Data.Common;
using Npgsql;
using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>All SQL over tai_service_calls_YYYYMM but for the statistics.</summary>
internal sealed class ServiceCallStore(Database database, MonthlyTables tables)
{
    private const string Columns =
        "id, source_service, target_service, method, request, response, duration, duration_us, status, error_msg, "
        + "error_code, trace_id, address, worker_id, attempt, created_at";

    /// <summary>A batch whose commit got lost on the way is written again: the same ids change nothing.</summary>
    private const string InsertSqlite = $$"""
        INSERT INTO tai_service_calls_{month} ({{Columns}})
        VALUES (@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, @p13, @p14, @p15)
        ON CONFLICT (id) DO NOTHING
        """;

    private const string InsertPostgreSql = $$"""
        INSERT INTO tai_service_calls_{month} ({{Columns}})
        SELECT * FROM unnest(@p0, @p1, @p2, @p3, @p4, @p5, @p6, @p7, @p8, @p9, @p10, @p11, @p12, @p13, @p14, @p15)
        ON CONFLICT (id) DO NOTHING
        """;

    /// <summary>Writes all of them, or none.</summary>
    public Task InsertAsync(IReadOnlyList<ServiceCall> calls, CancellationToken cancellation) =>
        database.WriteAsync(
            async session =>
            {
                foreach (var month in calls.GroupBy(call => Month.Of(call.CreatedAt)))
                {
                    await tables.EnsureAsync(session, MonthlyTable.ServiceCalls, month.Key);
                    await InsertAsync(session, month.Key, [.. month]);
                }
            },
            cancellation);

    /// <summary>A page, newest first unless asked otherwise, and how many there are in all.</summary>
    public Task<(IReadOnlyList<ServiceCall> Calls, long Total)> ListAsync(
        ServiceCallFilter filter, long skip, int take, bool oldestFirst, CancellationToken cancellation) =>
        database.ReadAsync(
            async session =>
            {
                var months = tables.Known(MonthlyTable.ServiceCalls).Where(filter.Touches);
                var found = new List<ServiceCall>();
                long total = 0;
                foreach (var month in oldestFirst ? months.Reverse() : months)
                {
                    var table = MonthlyTable.ServiceCalls.Of(month);
                    var count = await session.ScalarAsync<long>(
                        $"SELECT COUNT(*) FROM {table} WHERE {filter.Where()}", filter);
                    var before = Math.Max(skip - total, 0);
                    total += count;
                    if (found.Count >= take || before >= count) continue;
                    var order = oldestFirst ? "created_at, id" : "created_at DESC, id DESC";
                    found.AddRange(await session.QueryAsync<ServiceCall>(
                        $"SELECT {Columns} FROM {table} WHERE {filter.Where()} ORDER BY {order} "
                        + $"LIMIT {take - found.Count} OFFSET {before}",
                        filter));
                }

                return ((IReadOnlyList<ServiceCall>)found, total);
            },
            cancellation);

    private static async Task InsertAsync(DatabaseSession session, Month month, ServiceCall[] calls)
    {
        await using var command = session.Connection.CreateCommand();
        command.CommandText = MonthlyTable.Sql(
            session.Dialect == Dialect.Sqlite ? InsertSqlite : InsertPostgreSql, month);
        if (session.Dialect == Dialect.Sqlite) await InsertRowsAsync(command, calls, session.Cancellation);
        else await InsertArraysAsync(command, calls, session.Cancellation);
    }

    /// <summary>One statement, prepared once and run for each row: SQLite has no network to save.</summary>
    private static async Task InsertRowsAsync(DbCommand command, ServiceCall[] calls, CancellationToken cancellation)
    {
        for (var i = 0; i < 16; i++)
        {
            var parameter = command.CreateParameter();
            parameter.ParameterName = $"@p{i}";
            command.Parameters.Add(parameter);
        }

        foreach (var call in calls)
        {
            object?[] values =
            [
                call.Id, call.SourceService, call.TargetService, call.Method, call.Request, call.Response,
                call.Duration, call.DurationUs, call.Status, call.ErrorMsg, call.ErrorCode, call.TraceId,
                call.Address, call.WorkerId, call.Attempt, TimeTypes.Format(call.CreatedAt),
            ];
            for (var i = 0; i < values.Length; i++) command.Parameters[i].Value = values[i] ?? DBNull.Value;
            await command.ExecuteNonQueryAsync(cancellation);
        }
    }

    /// <summary>One statement for all rows, each column an array.</summary>
    private static async Task InsertArraysAsync(DbCommand command, ServiceCall[] calls, CancellationToken cancellation)
    {
        Array[] columns =
        [
            Column(calls, call => call.Id), Column(calls, call => call.SourceService),
            Column(calls, call => call.TargetService), Column(calls, call => call.Method),
            Column(calls, call => call.Request), Column(calls, call => call.Response),
            Column(calls, call => call.Duration), Column(calls, call => call.DurationUs),
            Column(calls, call => call.Status), Column(calls, call => call.ErrorMsg),
            Column(calls, call => call.ErrorCode), Column(calls, call => call.TraceId),
            Column(calls, call => call.Address), Column(calls, call => call.WorkerId),
            Column(calls, call => call.Attempt), Column(calls, call => call.CreatedAt.UtcDateTime),
        ];
        for (var i = 0; i < columns.Length; i++) command.Parameters.Add(new NpgsqlParameter($"p{i}", columns[i]));
        await command.ExecuteNonQueryAsync(cancellation);
    }

    private static T[] Column<T>(ServiceCall[] calls, Func<ServiceCall, T> value) => Array.ConvertAll(
        calls, call => value(call));
}
