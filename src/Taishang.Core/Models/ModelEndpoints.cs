using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Models;

/// <summary>Routes of models.</summary>
internal static class ModelEndpoints
{
    public static void AddModels(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapModels(this IEndpointRouteBuilder routes)
    {
    }
}
