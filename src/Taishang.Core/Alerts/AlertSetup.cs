using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Alerts;

/// <summary>Registers the slice of alerts.</summary>
internal static class AlertSetup
{
    public static void AddAlerts(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<AlertOptions>().Bind(configuration.GetSection("Alerts"))
            .Validate(options => options.Problem() is null, "Taishang:Alerts: a value is out of its range")
            .ValidateOnStart();
        services.AddSingleton<AlertStore>();
        services.AddSingleton<AlertDeliveries>();
        services.AddSingleton<AlertMetrics>();
        services.AddSingleton<Webhooks>();
        services.AddSingleton<AlertWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<AlertWorker>());
    }
}
