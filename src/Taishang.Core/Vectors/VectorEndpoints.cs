using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Vectors;

/// <summary>Routes of vectors.</summary>
internal static class VectorEndpoints
{
    public static void AddVectors(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapVectors(this IEndpointRouteBuilder routes)
    {
    }
}
