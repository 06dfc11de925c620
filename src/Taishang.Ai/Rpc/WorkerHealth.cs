using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.Extensions.Hosting;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Rpc;

/// <summary>
/// grpc.health.v1 for the names "" and taishang.ai.v1.AiService. Serving once every collection was read and until the
/// stop begins. A watch ends with the stop: the ready-made service would hold the process up until its limit.
/// </summary>
internal sealed class WorkerHealth : Health.HealthBase, IDisposable
{
    public static readonly string ServiceName = AiService.Descriptor.FullName;

    private readonly CollectionStore _store;
    private readonly CancellationTokenRegistration _registration;
    private readonly TaskCompletionSource _stopping = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public WorkerHealth(CollectionStore store, IHostApplicationLifetime lifetime)
    {
        _store = store;
        _registration = lifetime.ApplicationStopping.Register(() => _stopping.TrySetResult());
    }

    private bool IsStopping => _stopping.Task.IsCompleted;

    public override Task<HealthCheckResponse> Check(HealthCheckRequest request, ServerCallContext context) =>
        IsKnown(request.Service)
            ? Task.FromResult(new HealthCheckResponse { Status = Status() })
            : throw new RpcException(new Status(StatusCode.NotFound, $"no service '{request.Service}' here"));

    public override async Task Watch(
        HealthCheckRequest request, IServerStreamWriter<HealthCheckResponse> responseStream, ServerCallContext context)
    {
        HealthCheckResponse.Types.ServingStatus? told = null;
        while (true)
        {
            var isLast = IsStopping;
            var status = IsKnown(request.Service) ? Status() : HealthCheckResponse.Types.ServingStatus.ServiceUnknown;
            if (status != told)
                await responseStream.WriteAsync(new HealthCheckResponse { Status = status }, context.CancellationToken);
            told = status;
            if (isLast) return;
            var next = _store.IsOpened ? _stopping.Task : Task.WhenAny(_store.Opened, _stopping.Task);
            await next.WaitAsync(context.CancellationToken);
        }
    }

    public void Dispose() => _registration.Dispose();

    private HealthCheckResponse.Types.ServingStatus Status() => _store.IsOpened && !IsStopping
        ? HealthCheckResponse.Types.ServingStatus.Serving
        : HealthCheckResponse.Types.ServingStatus.NotServing;

    private static bool IsKnown(string service) => service.Length == 0 || service == ServiceName;
}
