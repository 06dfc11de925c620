using Npgsql;

namespace Taishang.System.Tests.Faults;

/// <summary>
/// The database of one system test: the default SQLite file, or a fresh database on the test's PostgreSQL.
/// </summary>
internal sealed class SystemDatabase : IAsyncDisposable
{
    private readonly string? _server;
    private readonly string? _name;

    private SystemDatabase(string? server, string? name)
    {
        _server = server;
        _name = name;
    }

    /// <summary>Switches that make the executable use it.</summary>
    public string[] Arguments => _server is null ? [] : ["--database", Connection];

    public string Connection => new NpgsqlConnectionStringBuilder(_server) { Database = _name }.ToString();

    public static async Task<SystemDatabase> MakeAsync(string kind)
    {
        if (kind == "sqlite") return new SystemDatabase(null, null);
        var server = Environment.GetEnvironmentVariable("TAISHANG_TEST_POSTGRES");
        if (server is null) Assert.Skip("TAISHANG_TEST_POSTGRES names no PostgreSQL server; scripts/test starts one");
        var name = "system_" + Guid.NewGuid().ToString("N");
        await ExecuteAsync(server, $"CREATE DATABASE {name}");
        return new SystemDatabase(server, name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await ExecuteAsync(_server, $"DROP DATABASE {_name} WITH (FORCE)");
    }

    private static async Task ExecuteAsync(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
