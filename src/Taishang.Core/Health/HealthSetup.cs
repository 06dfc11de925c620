using Microsoft.Extensions.DependencyInjection;
using Taishang.Hosting.Health;

namespace Taishang.Core.Health;

/// <summary>What core adds to /readyz; the route itself is the host's.</summary>
internal static class HealthSetup
{
    public static void AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<IReadinessCheck, DatabaseReadiness>();
        services.AddSingleton<IReadinessCheck, AiReadiness>();
    }
}
