using Microsoft.AspNetCore.Server.Kestrel.Core;
using Taishang.Core;
using Taishang.Hosting;

namespace Taishang.Server;

/// <summary>taishang-core as a host: REST, health and metrics on one address.</summary>
internal static class CoreHost
{
    public static WebApplication Build(IConfigurationRoot configuration, ServerOptions options, string aiAddress)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "taishang" });
        builder.Configuration.AddConfiguration(configuration).AddInMemoryCollection(Defaults(configuration, options, aiAddress));
        builder.Services.Configure<HostOptions>(
            host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.StopTimeoutSeconds));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => HostAddress.Listen(kestrel, options.Http!, HttpProtocols.Http1));
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.AddTaishangHosting("taishang-core");
        builder.Services.AddRouting();
        builder.Services.AddTaishangCore(builder.Configuration);
        var app = builder.Build();
        app.UseTaishangHosting();
        app.UseRouting();
        app.MapTaishangCore();
        app.MapTaishangHosting();
        return app;
    }

    /// <summary>What follows from the data folder and the role when nobody has said otherwise.</summary>
    private static Dictionary<string, string?> Defaults(
        IConfigurationRoot configuration, ServerOptions options, string aiAddress)
    {
        var defaults = new Dictionary<string, string?> { ["Taishang:Data"] = options.DataFolder };
        if (string.IsNullOrEmpty(configuration["Taishang:Database:Connection"]))
            defaults["Taishang:Database:Connection"] = Path.Combine(options.DataFolder, "taishang.db");
        if (string.IsNullOrEmpty(configuration["Taishang:Ai:Addresses"]))
            defaults["Taishang:Ai:Addresses"] = aiAddress;
        return defaults;
    }
}
