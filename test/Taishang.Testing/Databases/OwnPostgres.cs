using System.Diagnostics;
using Npgsql;
using Taishang.Testing.Processes;
using Xunit;

namespace Taishang.Testing.Databases;

/// <summary>
/// A PostgreSQL server of one test's own, for tests that crash it: others share the one that the environment names.
/// </summary>
public sealed class OwnPostgres : IAsyncDisposable
{
    private readonly TestFolder _folder = new();
    private string _connection = "";

    private OwnPostgres()
    {
    }

    private string Folder => _folder.File("pg");

    /// <summary>Skips the test where no PostgreSQL is installed.</summary>
    public static async Task<OwnPostgres> StartAsync()
    {
        Assert.SkipUnless(Directory.Exists("/usr/lib/postgresql"), "no PostgreSQL is installed");
        var server = new OwnPostgres();
        server._connection = (await server.ScriptAsync("start")).Trim().Split('\n')[^1];
        return server;
    }

    /// <summary>A new database; returns its connection string.</summary>
    public async Task<string> CreateAsync(string name)
    {
        await using var source = NpgsqlDataSource.Create(_connection);
        await using var command = source.CreateCommand($"CREATE DATABASE {name}");
        await command.ExecuteNonQueryAsync();
        return new NpgsqlConnectionStringBuilder(_connection) { Database = name }.ToString();
    }

    /// <summary>Stops it as a crash does, and starts it again on the same port; returns when it answers.</summary>
    public Task CrashAsync() => ScriptAsync("restart");

    public async ValueTask DisposeAsync()
    {
        await ScriptAsync("stop");
        _folder.Dispose();
    }

    private async Task<string> ScriptAsync(string action)
    {
        var start = new ProcessStartInfo(Path.Combine(Repository.Root, "scripts", "test-postgres"))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.ArgumentList.Add(action);
        start.ArgumentList.Add(Folder);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(ServerProcess.Patience);
        return process.ExitCode == 0
            ? await output
            : throw new InvalidOperationException($"test-postgres {action}: {await errors}{await output}");
    }
}
