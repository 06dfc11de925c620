using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Taishang.Ai.Rpc;

/// <summary>The gRPC service in front of both.</summary>
internal static class RpcSetup
{
    public static void AddRpc(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = configuration.GetSection(RpcOptions.Section).Get<RpcOptions>() ?? new RpcOptions();
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton(provider =>
            new WorkerIdentity(data, provider.GetRequiredService<ILogger<WorkerIdentity>>()));
        services.AddSingleton<WorkerErrors>();
        services.AddSingleton<ModelTest>();
        services.AddSingleton<ModelCalls>();
        services.AddSingleton<ChatCalls>();
        services.AddSingleton<CollectionCalls>();
        services.AddSingleton<RowCalls>();
        services.AddSingleton<SearchCalls>();
        services.AddSingleton<ScrollCalls>();
        services.AddSingleton<BuildCalls>();
        services.AddSingleton<SnapshotCalls>();
        services.AddSingleton<TaskCalls>();
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
