using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Vectors;

/// <summary>
/// Routes of vectors. They are plain delegates over the request: nothing between the server and the handlers looks at
/// types at run time.
/// </summary>
internal static class VectorEndpoints
{
    private const string Root = "/api/taishang/vectors";

    public static void AddVectors(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<VectorOptions>().Bind(configuration.GetSection("Vectors"))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<VectorMetrics>();
        services.AddSingleton<EmbeddingModels>();
        services.AddSingleton<TextVectors>();
        services.AddSingleton<VectorHandlers>();
        services.AddSingleton<ITaskExecutor, EmbeddingTaskExecutor>();
        services.AddSingleton<ITaskExecutor, EvaluationTaskExecutor>();
    }

    public static void MapVectors(this IEndpointRouteBuilder routes)
    {
        var handlers = routes.ServiceProvider.GetRequiredService<VectorHandlers>();
        var metrics = routes.ServiceProvider.GetRequiredService<VectorMetrics>();
        RequestDelegate Measured(string operation, RequestDelegate handler) =>
            context => metrics.MeasureAsync(operation, () => handler(context));

        routes.MapPost($"{Root}/upsert", Measured("upsert", handlers.UpsertAsync));
        routes.MapPost($"{Root}/search", Measured("search", handlers.SearchAsync));
        routes.MapPost($"{Root}/delete", Measured("delete", handlers.DeleteAsync));
        routes.MapPost($"{Root}/get", Measured("get", handlers.GetAsync));
        routes.MapPost($"{Root}/scroll", Measured("scroll", handlers.ScrollAsync));
        routes.MapGet($"{Root}/count", Measured("count", handlers.CountAsync));
        routes.MapPost($"{Root}/embed", Measured("embed", handlers.EmbedAsync));
    }
}
