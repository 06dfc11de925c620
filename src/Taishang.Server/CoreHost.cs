using Microsoft.AspNetCore.Server.Kestrel.Core;
using Taishang.Core;
using Taishang.Hosting;
using Taishang.Hosting.Health;

namespace Taishang.Server;

/// <summary>taishang-core as a host: REST, health and metrics on one address.</summary>
internal static class CoreHost
{
    /// <param name="configuration">As the process read it.</param>
    /// <param name="options">What the process decided from it.</param>
    /// <param name="aiAddress">Where ai is found when the configuration names no address.</param>
    /// <param name="neighbours">Checks of an ai in this process: one probe must tell of the whole process.</param>
    public static WebApplication Build(
        IConfigurationRoot configuration, ServerOptions options, string aiAddress,
        IEnumerable<IReadinessCheck> neighbours)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "taishang" });
        builder.Configuration.AddConfiguration(configuration).AddInMemoryCollection(
            Defaults(configuration, options, aiAddress));
        builder.Services.Configure<HostOptions>(
            host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.StopTimeoutSeconds));
        builder.WebHost.UseKestrelCore().ConfigureKestrel(
            kestrel => HostAddress.Listen(kestrel, options.Http!, HttpProtocols.Http1));
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.AddTaishangHosting("taishang-core");
        builder.Services.AddRouting();
        builder.Services.AddTaishangCore(builder.Configuration);
        foreach (var check in neighbours) builder.Services.AddSingleton(check);
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
