using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.ServiceCalls;

/// <summary>Routes of recorded calls.</summary>
internal static class ServiceCallEndpoints
{
    public static void AddServiceCalls(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapServiceCalls(this IEndpointRouteBuilder routes)
    {
    }
}
