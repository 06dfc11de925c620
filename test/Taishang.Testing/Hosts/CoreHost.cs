using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Taishang.Core;
using Taishang.Core.AiClient;
using Taishang.Hosting;
using Taishang.Testing.Databases;
using Taishang.Testing.Processes;

namespace Taishang.Testing.Hosts;

/// <summary>
/// taishang-core in this process: a real Kestrel on a free loopback port, a database of the test's own, and an ai
/// that the test plays.
/// </summary>
public sealed class CoreHost : IAsyncDisposable
{
    private readonly TestFolder _folder;
    private readonly WebApplication _app;

    private CoreHost(TestFolder folder, WebApplication app, IAiClient ai)
    {
        _folder = folder;
        _app = app;
        Ai = (ai as FakeAiClient)!;
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses;
        Address = new Uri(addresses.First());
        Http = new HttpClient { BaseAddress = Address };
        Api = new ApiClient(Http);
    }

    /// <summary>Null only when the test brought another client of its own.</summary>
    public FakeAiClient Ai { get; }

    public Uri Address { get; }

    public HttpClient Http { get; }

    /// <summary>Speaks the envelope.</summary>
    public ApiClient Api { get; }

    public IServiceProvider Services => _app.Services;

    public static async Task<CoreHost> StartAsync(CoreHostOptions? options = null)
    {
        options ??= new CoreHostOptions();
        var folder = new TestFolder();
        // Migrated once a process: the host finds nothing left to migrate, which is ten times as fast.
        if (options.Connection is null)
            File.Copy(await MigratedDatabases.SqliteFileAsync(), folder.File("taishang.db"));
        var builder = WebApplication.CreateBuilder(
            new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration["urls"] = "http://127.0.0.1:0";
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Taishang:Data"] = options.DataFolder ?? folder.Path,
            ["Taishang:Database:Connection"] = options.Connection ?? folder.File("taishang.db"),
        });
        builder.Configuration.AddInMemoryCollection(
            options.Settings.Select(s => KeyValuePair.Create("Taishang:" + s.Key, (string?)s.Value)));
        if (options.Time is not null) builder.Services.AddSingleton(options.Time);
        builder.AddTaishangHosting("taishang-test", telemetry: false);
        builder.Logging.ClearProviders();
        builder.Services.AddTaishangCore(builder.Configuration);
        var ai = options.Ai ?? new FakeAiClient().WithPassingModels();
        builder.Services.Replace(ServiceDescriptor.Singleton(ai));
        options.ConfigureServices?.Invoke(builder.Services);
        var app = builder.Build();
        app.UseTaishangHosting();
        app.MapTaishangCore();
        options.Map?.Invoke(app);
        app.MapTaishangHosting();
        await app.StartAsync();
        return new CoreHost(folder, app, ai);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>What a test wants otherwise.</summary>
public sealed record CoreHostOptions
{
    /// <summary>Default: a SQLite file of this host's own.</summary>
    public string? Connection { get; init; }

    /// <summary>Default: a temporary folder that goes with the host.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Default: the system's clock.</summary>
    public TimeProvider? Time { get; init; }

    /// <summary>Default: a <see cref="FakeAiClient"/> for which every model passes its test.</summary>
    public IAiClient? Ai { get; init; }

    /// <summary>Configuration under the section `Taishang`, such as <c>Api:BodyBytesMax</c>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    public Action<IServiceCollection>? ConfigureServices { get; init; }

    /// <summary>Routes of the test's own.</summary>
    public Action<WebApplication>? Map { get; init; }
}
