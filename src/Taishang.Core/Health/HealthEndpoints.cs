using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Health;

/// <summary>Liveness and readiness.</summary>
internal static class HealthEndpoints
{
    public static void AddHealth(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapHealth(this IEndpointRouteBuilder routes)
    {
    }
}
