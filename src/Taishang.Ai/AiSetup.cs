using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Taishang.Ai.Indexes;
using Taishang.Ai.Models;
using Taishang.Ai.Rpc;
using Taishang.Ai.Tasks;

namespace Taishang.Ai;

/// <summary>taishang-ai as a whole: a gRPC worker.</summary>
public static class AiSetup
{
    private const string DataDefault = "data";

    /// <summary>Options are read from the sections `Taishang:Ai:Indexes`, `…:Rpc`, `…:Tasks` and `…:Models`, the data
    /// folder from `Taishang:Data`.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting is out of range.</exception>
    public static IServiceCollection AddTaishangAi(this IServiceCollection services, IConfiguration configuration)
    {
        var data = Path.GetFullPath(configuration["Taishang:Data"] ?? DataDefault);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<AiMetrics>();
        services.AddModels(configuration, data);
        services.AddIndexes(configuration, data);
        services.AddWorkerTasks(configuration);
        services.AddRpc(configuration, data);
        return services;
    }

    public static void MapTaishangAi(this WebApplication app)
    {
        // Gauges observe by themselves once they exist.
        app.Services.GetRequiredService<CollectionGauges>();
        app.Services.GetRequiredService<WorkerIdentity>();
        // gRPC has a limit of its own (RpcOptions); the web server's 30 MB stand below it.
        app.MapGrpcService<AiRpc>().WithMetadata(new DisableRequestSizeLimitAttribute());
        app.MapGrpcService<WorkerHealth>();
    }
}
