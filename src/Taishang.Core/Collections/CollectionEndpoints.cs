using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Collections;

/// <summary>Routes of vector collections.</summary>
internal static class CollectionEndpoints
{
    public static void AddCollections(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapCollections(this IEndpointRouteBuilder routes)
    {
    }
}
