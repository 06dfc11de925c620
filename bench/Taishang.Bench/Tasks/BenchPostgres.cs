using System.Diagnostics;
using Dapper;
using Npgsql;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Tasks;

/// <summary>A PostgreSQL server of the benchmark's own, started and ended by the project's script.</summary>
internal sealed class BenchPostgres : IAsyncDisposable
{
    private readonly string _folder;

    private BenchPostgres(string folder, string connection)
    {
        _folder = folder;
        Connection = connection;
    }

    public string Connection { get; }

    public static async Task<BenchPostgres> StartAsync(string folder) =>
        new(folder, (await ScriptAsync("start", folder)).Trim());

    /// <summary>An empty database on it; the connection to it.</summary>
    public async Task<string> CreateDatabaseAsync(string name)
    {
        await using var server = new NpgsqlConnection(Connection);
        await server.OpenAsync();
        await using var create = new NpgsqlCommand($"CREATE DATABASE {name}", server);
        await create.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(Connection) { Database = name }.ToString();
    }

    /// <summary>What the server's processes have used so far, those that have ended included.</summary>
    public TimeSpan CpuTime()
    {
        var server = int.Parse(File.ReadLines(Path.Combine(_folder, "data", "postmaster.pid")).First());
        long ticks = 0;
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(folder), out var id) || Fields(id) is not { } fields) continue;
            // Of proc(5): after the name come the state, the parent and, from the twelfth on, four times.
            if (id == server) ticks += fields[11..15].Sum(long.Parse);
            else if (fields[1] == $"{server}") ticks += fields[11..13].Sum(long.Parse);
        }

        return TimeSpan.FromSeconds(ticks / 100.0);
    }

    /// <summary>Bytes of log that the server has written so far.</summary>
    public async Task<long> LogBytesAsync()
    {
        await using var server = new NpgsqlConnection(Connection);
        await server.OpenAsync();
        await using var ask = new NpgsqlCommand("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint", server);
        return (long)(await ask.ExecuteScalarAsync() ?? 0L);
    }

    /// <summary>How many transitions of a kind stand in one transaction, by the trail of this month.</summary>
    public static async Task<IReadOnlyList<(string Verb, double Size)>> BatchesAsync(string connection)
    {
        await using var database = new NpgsqlConnection(connection);
        return
        [
            .. await database.QueryAsync<(string Verb, double Size)>(
                $"""
                SELECT verb, count(*)::float8 / count(DISTINCT feed)
                FROM tai_task_events_{TimeProvider.System.GetUtcNow():yyyyMM} GROUP BY verb ORDER BY verb DESC
                """),
        ];
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await ScriptAsync("stop", _folder);
    }

    /// <summary>What the system says of a process; null when it has ended.</summary>
    private static string[]? Fields(int id)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{id}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (IOException)
        {
            return null;
        }
    }

    private static async Task<string> ScriptAsync(string action, string folder)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts/test-postgres"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
        };
        start.ArgumentList.Add(action);
        start.ArgumentList.Add(folder);
        using var script = Process.Start(start)!;
        // The server it starts keeps the stream open, so one line is read and not the end of the stream.
        var line = action == "start" ? await script.StandardOutput.ReadLineAsync() : null;
        await script.WaitForExitAsync();
        if (script.ExitCode != 0) throw new InvalidOperationException($"scripts/test-postgres {action} failed");
        return line ?? "";
    }
}
