using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Tasks;

/// <summary>Routes of tasks.</summary>
internal static class TaskEndpoints
{
    public static void AddTasks(this IServiceCollection services, IConfiguration configuration)
    {
    }

    public static void MapTasks(this IEndpointRouteBuilder routes)
    {
    }
}
