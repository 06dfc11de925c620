using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Taishang.Ai.Indexes;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Ai.Rpc;
using Taishang.Hosting.Health;
using Taishang.VectorEngine;

namespace Taishang.Ai;

/// <summary>taishang-ai as a whole: a gRPC worker.</summary>
public static class AiSetup
{
    private const string DataDefault = "data";

    /// <summary>Options are read from the sections `Taishang:Ai:Indexes`, `…:Rpc` and `…:Models`, the data folder from
    /// `Taishang:Data`.</summary>
    /// <exception cref="Microsoft.Extensions.Options.OptionsValidationException">A setting is out of range.</exception>
    public static IServiceCollection AddTaishangAi(this IServiceCollection services, IConfiguration configuration)
    {
        var data = Path.GetFullPath(configuration["Taishang:Data"] ?? DataDefault);
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<AiMetrics>();
        services.AddModels(configuration, data);
        services.AddIndexes(configuration, data);
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

    private static void AddModels(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = new ModelOptions { ModelsFolder = Path.Combine(data, "models") };
        configuration.GetSection("Taishang:Ai:Models").Bind(options);
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton<OnnxModels>();
        services.AddSingleton<IModelProvider, BuiltinProvider>();
        services.AddSingleton<IModelProvider, OnnxProvider>();
        services.AddSingleton<IModelProvider>(provider =>
            new OpenAiProvider(options, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<EmbeddingModels>();
        services.AddSingleton<InferenceModels>();
    }

    private static void AddIndexes(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = configuration.GetSection(IndexOptions.Section).Get<IndexOptions>() ?? new IndexOptions();
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton(new CollectionFolders(data));
        services.TryAddSingleton(provider => new VectorEngineOptions
        {
            Time = provider.GetRequiredService<TimeProvider>(),
            BuildThreads = options.BuildThreads == 0 ? Environment.ProcessorCount : options.BuildThreads,
        });
        services.AddSingleton<MemoryGuard>();
        services.AddSingleton<CallGates>();
        services.AddSingleton<CollectionStore>();
        services.AddHostedService(provider => provider.GetRequiredService<CollectionStore>());
        services.AddSingleton<IReadinessCheck, CollectionReadiness>();
        services.AddSingleton<CollectionGauges>();
    }

    private static void AddRpc(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = configuration.GetSection(RpcOptions.Section).Get<RpcOptions>() ?? new RpcOptions();
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton(provider =>
            new WorkerIdentity(data, provider.GetRequiredService<ILogger<WorkerIdentity>>()));
        services.AddSingleton<WorkerErrors>();
        services.AddSingleton<ModelTest>();
        services.AddSingleton<ModelCalls>();
        services.AddSingleton<CollectionCalls>();
        services.AddSingleton<RowCalls>();
        services.AddSingleton<SearchCalls>();
        services.AddSingleton<BuildCalls>();
        services.AddSingleton<AiRpc>();
        services.AddSingleton<WorkerHealth>();
        services.AddSingleton<CallInterceptor>();
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.ReceiveBytesMax;
            grpc.MaxSendMessageSize = options.SendBytesMax;
            grpc.EnableDetailedErrors = false;
        }).AddServiceOptions<AiRpc>(service => service.Interceptors.Add<CallInterceptor>());
    }
}
