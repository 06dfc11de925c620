using Microsoft.AspNetCore.Server.Kestrel.Core;
using Taishang.Ai;
using Taishang.Hosting;

namespace Taishang.Server;

/// <summary>taishang-ai as a host: gRPC on one address, health and metrics on another where one is given.</summary>
internal static class AiHost
{
    /// <param name="configuration">As the process read it.</param>
    /// <param name="options">What the process decided from it.</param>
    /// <param name="socket">Path of a socket to listen on beside the address; null for none.</param>
    public static WebApplication Build(IConfigurationRoot configuration, ServerOptions options, string? socket)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "taishang" });
        builder.Configuration.AddConfiguration(configuration).AddInMemoryCollection(
            new Dictionary<string, string?> { ["Taishang:Data"] = options.DataFolder });
        builder.Services.Configure<HostOptions>(
            host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.StopTimeoutSeconds));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            HostAddress.Listen(kestrel, options.Grpc, HttpProtocols.Http2);
            if (socket is not null) kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2);
            if (options is { Role: ServerRole.Ai, Http: { } http })
                HostAddress.Listen(kestrel, http, HttpProtocols.Http1);
        });
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.AddTaishangHosting("taishang-ai", telemetry: options.Role == ServerRole.Ai);
        builder.Services.AddRouting();
        builder.Services.AddTaishangAi(builder.Configuration);
        var app = builder.Build();
        app.UseTaishangHosting();
        app.UseRouting();
        app.MapTaishangAi();
        app.MapTaishangHosting();
        return app;
    }
}
