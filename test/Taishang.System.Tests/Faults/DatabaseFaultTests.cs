using Microsoft.Data.Sqlite;
using Npgsql;
using Taishang.Testing.Processes;

namespace Taishang.System.Tests.Faults;

/// <summary>
/// The database is locked or gone for a while: 503 with a code, nothing half-done, recovery by itself.
/// </summary>
public sealed class DatabaseFaultTests : IDisposable
{
    private const int DatabaseUnavailable = 10016;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_locked_sqlite_file_gives_503_and_then_works_again()
    {
        await using var server = await ServerProcess.StartReadyAsync(
            _folder.Path, "--set", "Taishang:Database:BusyTimeoutSeconds=1");
        await using (var other = new SqliteConnection($"Data Source={_folder.File("taishang.db")};Pooling=False"))
        {
            await other.OpenAsync();
            await using var transaction = other.BeginTransaction(deferred: false);
            await RefusedAsync(server);
        }

        await WorksAgainAsync(server);
    }

    [Fact]
    public async Task A_postgresql_that_is_gone_for_a_while_gives_503_and_then_works_again()
    {
        await using var store = await SystemDatabase.MakeAsync("postgresql");
        var direct = new NpgsqlConnectionStringBuilder(store.Connection);
        await using var proxy = new CuttableProxy(direct.Host!, direct.Port);
        var through = new NpgsqlConnectionStringBuilder(store.Connection) { Port = proxy.Port };
        await using var server = await ServerProcess.StartReadyAsync(
            _folder.Path, "--database", through.ToString(), "--set", "Taishang:Database:BusyTimeoutSeconds=2");

        await proxy.CutAsync();
        await RefusedAsync(server);
        Assert.Equal(503, (int)(await server.Http.GetAsync("/readyz")).StatusCode);
        proxy.Mend();
        await WorksAgainAsync(server);
        await server.WaitReadyAsync();
    }

    [Fact]
    public async Task Core_starts_while_its_postgresql_is_away_and_becomes_ready_when_it_comes()
    {
        await using var store = await SystemDatabase.MakeAsync("postgresql");
        var direct = new NpgsqlConnectionStringBuilder(store.Connection);
        await using var proxy = new CuttableProxy(direct.Host!, direct.Port);
        var through = new NpgsqlConnectionStringBuilder(store.Connection) { Port = proxy.Port };
        await proxy.CutAsync();
        await using var server = await ServerProcess.StartAsync(
            _folder.Path, "--database", through.ToString(), "--set", "Taishang:Database:BusyTimeoutSeconds=2");
        Assert.Equal(503, (int)(await server.Http.GetAsync("/readyz")).StatusCode);
        await RefusedAsync(server);
        proxy.Mend();
        await server.WaitReadyAsync();
        await WorksAgainAsync(server);
    }

    private static async Task RefusedAsync(ServerProcess server)
    {
        var refused = await CreateAsync(server);
        Assert.Equal((503, DatabaseUnavailable), (refused.Status, refused.Code));
        Assert.NotNull(refused.Response.Headers.RetryAfter);
        var task =
            await server.ApiPostAsync("tasks", new { type = "embedding", payload = new { texts = new[] { "x" } } });
        Assert.Equal((503, DatabaseUnavailable), (task.Status, task.Code));
    }

    private static async Task WorksAgainAsync(ServerProcess server)
    {
        await server.WaitUntilAsync("recovered", async () => (await server.ApiGetAsync("tasks")).Status == 200);
        Assert.Equal(0, (long)(await server.ApiGetAsync("vector_collections")).Ok["total"]!);
        Assert.Equal(0, (long)(await server.ApiGetAsync("tasks")).Ok["total"]!);
        _ = (await CreateAsync(server)).Ok;
        var task = (await server.ApiPostAsync(
            "tasks", new { type = "embedding", payload = new { texts = new[] { "x" } } })).Ok;
        Assert.Equal("completed", (string)(await server.WaitForTaskAsync((string)task["id"]!))["status"]!);
    }

    private static Task<ApiAnswer> CreateAsync(ServerProcess server) => server.ApiPostAsync(
        "vector_collections", new { name = "later", dims = 3, index_type = "FLAT", metric_type = "l2" });
}
