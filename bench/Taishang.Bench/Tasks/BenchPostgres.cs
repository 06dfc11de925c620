using System.Diagnostics;
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

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await ScriptAsync("stop", _folder);
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
