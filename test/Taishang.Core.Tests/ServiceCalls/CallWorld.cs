using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.ServiceCalls;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.ServiceCalls;

/// <summary>The slice of recorded calls behind a real HTTP server, over a database of the test's own.</summary>
internal sealed class CallWorld : IAsyncDisposable
{
    public static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    private readonly WebApplication _app;
    private readonly HttpClient _http;

    private CallWorld(DatabaseWorld database, WebApplication app)
    {
        Database = database;
        _app = app;
        _http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public DatabaseWorld Database { get; }

    public CallRecorder Recorder => _app.Services.GetRequiredService<CallRecorder>();

    public ServiceCallStore Store => _app.Services.GetRequiredService<ServiceCallStore>();

    /// <summary>The clock stands at <see cref="Now"/> unless the test brings its own.</summary>
    public static async Task<CallWorld> StartAsync(
        Dialect dialect, Dictionary<string, string?>? settings = null, Database? door = null, TimeProvider? time = null)
    {
        var database = await (time is null
            ? DatabaseWorld.CreateFrozenAsync(dialect)
            : DatabaseWorld.CreateAsync(dialect, time));
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        // Whoever reads sees his own calls, however slow the disk of the test is.
        builder.Configuration["ServiceCalls:ReadWaitMs"] = "20000";
        builder.Configuration.AddInMemoryCollection(settings ?? []);
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        builder.Services.AddRouting();
        builder.Services.AddMetrics();
        builder.Services.AddSingleton(database.Time);
        builder.Services.AddSingleton(door ?? database.Database);
        builder.Services.AddSingleton(database.Tables);
        var state = new DatabaseState();
        state.SetReady();
        builder.Services.AddSingleton(state);
        builder.Services.AddCallRecording(builder.Configuration);
        builder.Services.AddServiceCalls();
        var app = builder.Build();
        app.UseErrorEnvelope();
        app.MapServiceCalls();
        await app.StartAsync();
        return new CallWorld(database, app);
    }

    public async Task<(int Status, JsonElement Body)> GetAsync(string query)
    {
        using var response = await _http.GetAsync("/api/taishang/service_calls" + query);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, JsonDocument.Parse(text).RootElement);
    }

    public Task InsertAsync(params ServiceCall[] calls) => Store.InsertAsync(calls, CancellationToken.None);

    public static ServiceCall Call(
        DateTimeOffset at, string method = "SearchVectors", string status = "success", long us = 1_500,
        string? trace = null, string source = "taishang-core", string target = "taishang-ai") => new()
        {
            Id = RowId.New(at),
            SourceService = source,
            TargetService = target,
            Method = method,
            Request = "{}",
            Response = status == "success" ? "{}" : "",
            Duration = (long)Math.Round(us / 1000.0),
            DurationUs = us,
            Status = status,
            ErrorMsg = status == "success" ? "" : "it failed",
            ErrorCode = status switch { "success" => null, "timeout" => 90002, _ => 90001 },
            TraceId = trace,
            Address = "http://127.0.0.1:1",
            WorkerId = "worker",
            Attempt = 1,
            CreatedAt = at,
        };

    public T Get<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await Database.DisposeAsync();
    }
}
