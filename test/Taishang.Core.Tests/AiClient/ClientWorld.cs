using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Taishang.Core.AiClient;
using Taishang.Core.AiClient.Discovery;
using Taishang.Core.Data;
using Taishang.Core.ServiceCalls;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.AiClient;

/// <summary>
/// The client as core registers it, over a database of the test's own, against the workers of the test.
/// </summary>
internal sealed class ClientWorld : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly DatabaseWorld _database;
    private readonly IHost _host;

    private ClientWorld(DatabaseWorld database, IHost host)
    {
        _database = database;
        _host = host;
    }

    public IAiClient Client => _host.Services.GetRequiredService<IAiClient>();

    public WorkerPool Pool => _host.Services.GetRequiredService<WorkerPool>();

    public CallRecorder Recorder => _host.Services.GetRequiredService<CallRecorder>();

    public Database Database => _database.Database;

    public static async Task<ClientWorld> StartAsync(
        string addresses, Dictionary<string, string?>? settings = null, AddressSources? sources = null,
        Dialect dialect = Dialect.Sqlite)
    {
        var database = await DatabaseWorld.CreateAsync(dialect);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Ai:Addresses"] = addresses,
            ["Ai:HealthIntervalMs"] = "100",
            // A test machine under load is late, not dead; tests of lateness set their own.
            ["Ai:HealthTimeoutMs"] = "10000",
            ["Ai:ConnectTimeoutMs"] = "10000",
            ["Ai:ResolveIntervalMs"] = "50",
            ["Ai:BackoffBaseMs"] = "20",
            ["ServiceCalls:FlushIntervalMs"] = "20",
        }).AddInMemoryCollection(settings ?? []);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(database.Database);
        builder.Services.AddSingleton(database.Tables);
        var state = new DatabaseState();
        state.SetReady();
        builder.Services.AddSingleton(state);
        builder.Services.AddAiClient(builder.Configuration);
        builder.Services.AddServiceCalls();
        if (sources is not null) builder.Services.AddSingleton(sources);
        var world = new ClientWorld(database, builder.Build());
        await world._host.StartAsync();
        await world.Pool.Looked.WaitAsync(Patience);
        return world;
    }

    public T Get<T>()
        where T : notnull => _host.Services.GetRequiredService<T>();

    /// <summary>Everything recorded so far, oldest first.</summary>
    public async Task<IReadOnlyList<ServiceCall>> RecordedAsync()
    {
        Assert.True(await Recorder.FlushAsync(Patience, CancellationToken.None));
        var filter = new ServiceCallFilter(
            null, null, null, null, null, DateTimeOffset.UnixEpoch.AddYears(40),
            DateTimeOffset.UnixEpoch.AddYears(900), 0);
        var (calls, _) = await Get<ServiceCallStore>().ListAsync(filter, 0, 200, true, CancellationToken.None);
        return calls;
    }

    /// <summary>Waits until the pool looks as it should; the health checks move it there.</summary>
    public async Task UntilAsync(Func<WorkerPool, bool> isSo)
    {
        using var late = new CancellationTokenSource(Patience);
        while (!isSo(Pool))
        {
            Assert.False(late.IsCancellationRequested, "the pool did not get there in time");
            await Pool.ProbeAllAsync();
            await Task.Yield();
        }
    }

    public Task StopAsync() => _host.StopAsync();

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
        await _database.DisposeAsync();
    }
}
