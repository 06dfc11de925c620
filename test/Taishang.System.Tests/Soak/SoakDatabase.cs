using Npgsql;

namespace Taishang.System.Tests.Soak;

/// <summary>The truth behind the API: rows as they stand in the database.</summary>
internal sealed class SoakDatabase(string connection) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source = NpgsqlDataSource.Create(
        new NpgsqlConnectionStringBuilder(connection) { MaxPoolSize = 4, Timeout = 5, CommandTimeout = 20 }.ToString());

    public ValueTask DisposeAsync() => _source.DisposeAsync();

    /// <summary>Forgets connections that a crash has cut.</summary>
    public void Clear() => _source.Clear();

    public Task<string?> LeaderAsync() =>
        OneAsync("SELECT holder FROM tai_leaders WHERE lease_until_ms > tai_now_ms()");

    public async Task<long> CountAsync(string sql) => long.Parse(await OneAsync(sql) ?? "0");

    /// <summary>What every session does or holds at the moment: for the message of a failing test.</summary>
    public async Task<string> ActivityAsync()
    {
        await using var reader = await ReadAsync("""
            SELECT concat_ws(' ', pid, client_port, state, wait_event_type, wait_event,
                extract(epoch FROM now() - xact_start)::int, extract(epoch FROM now() - state_change)::int,
                pg_blocking_pids(pid)::text, left(regexp_replace(query, '\s+', ' ', 'g'), 160))
            FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid()
            """);
        var lines = new List<string>();
        while (await reader.ReadAsync()) lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    /// <summary>How many run now by type and tenant, at one moment.</summary>
    public async Task<List<(string Type, string Tenant, int Count)>> RunningAsync()
    {
        await using var reader = await ReadAsync(
            "SELECT type, tenant, count(*)::int FROM tai_task_queue WHERE state = 'running' GROUP BY type, tenant");
        var rows = new List<(string, string, int)>();
        while (await reader.ReadAsync()) rows.Add((reader.GetString(0), reader.GetString(1), reader.GetInt32(2)));
        return rows;
    }

    public async Task<List<SoakRow>> RowsAsync() => (await StateAsync()).Rows;

    /// <summary>Rows and trails as they are at one moment: what is late may add a line at any.</summary>
    public async Task<(List<SoakRow> Rows, List<SoakLine> Lines)> StateAsync()
    {
        await using var open = await _source.OpenConnectionAsync();
        await using var snapshot = await open.BeginTransactionAsync(global::System.Data.IsolationLevel.RepeatableRead);
        var months = new List<string>();
        await using (var reader = await ReadAsync(
            open, "SELECT right(tablename, 6) FROM pg_tables WHERE tablename ~ '^tai_tasks_[0-9]{6}$' ORDER BY 1"))
        {
            while (await reader.ReadAsync()) months.Add(reader.GetString(0));
        }

        return (await RowsAsync(open, months), await LinesAsync(open, months));
    }

    private static async Task<List<SoakRow>> RowsAsync(NpgsqlConnection open, List<string> months)
    {
        var rows = new List<SoakRow>();
        foreach (var month in months)
        {
            await using var reader = await ReadAsync(open, $"""
                SELECT id, type, status, queued_at IS NOT NULL, attempt, max_attempts, fence, trail, schedule_id,
                    labels::json ->> 'soak', labels::json ->> 'scheduled_at', result
                FROM tai_tasks_{month} ORDER BY id
                """);
            while (await reader.ReadAsync())
            {
                rows.Add(new SoakRow(reader.GetString(0), reader.GetString(1), reader.GetString(2))
                {
                    IsQueued = reader.GetBoolean(3),
                    Attempt = reader.GetInt32(4),
                    MaxAttempts = reader.GetInt32(5),
                    Fence = reader.GetInt64(6),
                    Trail = reader.GetInt32(7),
                    Schedule = Text(reader, 8),
                    Label = Text(reader, 9),
                    DueAt = Text(reader, 10),
                    Result = Text(reader, 11),
                });
            }
        }

        return rows;
    }

    private static async Task<List<SoakLine>> LinesAsync(NpgsqlConnection open, List<string> months)
    {
        var lines = new List<SoakLine>();
        foreach (var month in months)
        {
            await using var reader = await ReadAsync(open, $"""
                SELECT id, task_id, seq, verb, from_state, to_state, attempt, actor, created_at
                FROM tai_task_events_{month} ORDER BY task_id, seq
                """);
            while (await reader.ReadAsync())
            {
                lines.Add(new SoakLine(reader.GetString(0), reader.GetString(1), reader.GetInt32(2))
                {
                    Verb = reader.GetString(3),
                    From = Text(reader, 4),
                    To = reader.GetString(5),
                    Attempt = reader.GetInt32(6),
                    Actor = reader.GetString(7),
                    At = reader.GetFieldValue<DateTimeOffset>(8),
                });
            }
        }

        return lines;
    }

    private static string? Text(NpgsqlDataReader reader, int column) =>
        reader.IsDBNull(column) ? null : reader.GetString(column);

    private async Task<string?> OneAsync(string sql)
    {
        await using var command = _source.CreateCommand(sql);
        return (await command.ExecuteScalarAsync())?.ToString();
    }

    private static async Task<NpgsqlDataReader> ReadAsync(NpgsqlConnection open, string sql)
    {
        await using var command = new NpgsqlCommand(sql, open);
        return await command.ExecuteReaderAsync();
    }

    private async Task<NpgsqlDataReader> ReadAsync(string sql)
    {
        var open = await _source.OpenConnectionAsync();
        try
        {
            await using var command = new NpgsqlCommand(sql, open);
            return await command.ExecuteReaderAsync(global::System.Data.CommandBehavior.CloseConnection);
        }
        catch
        {
            await open.DisposeAsync();
            throw;
        }
    }
}

/// <summary>A task as its row says.</summary>
internal sealed record SoakRow(string Id, string Type, string Status)
{
    public bool IsQueued { get; init; }

    public int Attempt { get; init; }

    public int MaxAttempts { get; init; }

    public long Fence { get; init; }

    public int Trail { get; init; }

    public string? Schedule { get; init; }

    public string? Label { get; init; }

    public string? DueAt { get; init; }

    public string? Result { get; init; }

    public bool HasEnded => Status is "completed" or "failed" or "cancelled";
}

/// <summary>A line of a trail.</summary>
internal sealed record SoakLine(string Id, string TaskId, int Seq)
{
    public required string Verb { get; init; }

    public string? From { get; init; }

    public required string To { get; init; }

    public int Attempt { get; init; }

    public required string Actor { get; init; }

    public DateTimeOffset At { get; init; }
}
