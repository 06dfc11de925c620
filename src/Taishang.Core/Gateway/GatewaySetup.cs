using System.Security.Cryptography;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Gateway.Caches;
using Taishang.Core.Gateway.Limits;
using Taishang.Core.Gateway.OpenAi;
using Taishang.Core.Gateway.Routes;

namespace Taishang.Core.Gateway;

/// <summary>Registers what stands between REST and the models.</summary>
internal static class GatewaySetup
{
    public static void AddGateway(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<GatewayOptions>().Bind(configuration.GetSection("Gateway"))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<ModelLimiter>();
        services.AddSingleton<ShadowCalls>();
        services.AddSingleton<ModelCaller>();
        services.AddSingleton<VectorCache>();
        services.AddSingleton<AnswerCache>();
        services.AddSingleton<EmbedCalls>();
        services.AddSingleton<InferCalls>();
        services.AddSingleton<ChatCalls>();
        services.AddSingleton(new RouteDice((ulong)RandomNumberGenerator.GetInt32(int.MaxValue)));
        services.AddSingleton<RouteStore>();
        services.AddSingleton<RouteModels>();
        services.AddSingleton<RouteDirectory>();
    }

    public static void MapGateway(this IEndpointRouteBuilder app)
    {
        app.MapModelRoutes();
        app.MapOpenAi();
    }
}
