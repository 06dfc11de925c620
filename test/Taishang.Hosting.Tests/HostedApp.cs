using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Hosting.Tests;

/// <summary>A host of one test: a real Kestrel on a free loopback port, with nothing but what Hosting brings.</summary>
internal sealed class HostedApp : IAsyncDisposable
{
    private HostedApp(WebApplication app)
    {
        App = app;
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!;
        Client = new HttpClient { BaseAddress = new Uri(addresses.Addresses.First()) };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public static async Task<HostedApp> StartAsync(
        Action<WebApplicationBuilder>? configure = null, Action<WebApplication>? map = null, bool telemetry = true)
    {
        // Built as the executable builds its hosts: with nothing that was not asked for.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "taishang" });
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRouting();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration["Logging:LogLevel:Default"] = "Warning";
        builder.Configuration["Logging:LogLevel:Microsoft.Hosting.Lifetime"] = "Warning";
        configure?.Invoke(builder);
        builder.AddTaishangHosting("taishang-test", telemetry);
        var app = builder.Build();
        app.UseRouting();
        app.UseTaishangHosting();
        app.MapTaishangHosting();
        map?.Invoke(app);
        await app.StartAsync();
        return new HostedApp(app);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.DisposeAsync();
    }
}
