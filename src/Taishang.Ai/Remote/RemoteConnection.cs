using Grpc.Core;
using Grpc.Net.Client;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>A channel to another worker over the guarded transport.</summary>
internal sealed class RemoteConnection : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly ModelOptions _options;
    private readonly TimeProvider _time;

    public RemoteConnection(RemoteTarget target, GuardedHttp guard, ModelOptions options, TimeProvider time)
    {
        Target = target;
        _options = options;
        _time = time;
        int bytesMax = (int)Math.Min(int.MaxValue, options.MaxRemoteResponseBytes);
        _channel = GrpcChannel.ForAddress(target.Address, new GrpcChannelOptions
        {
            HttpHandler = guard.CreateHandler(target.ConnectTimeoutMs),
            DisposeHttpClient = true,
            MaxReceiveMessageSize = bytesMax,
            MaxSendMessageSize = bytesMax,
        });
        Client = new AiService.AiServiceClient(_channel);
    }

    public RemoteTarget Target { get; }

    public AiService.AiServiceClient Client { get; }

    public TimeProvider Time => _time;

    /// <summary>Makes one call with the model's time limit.</summary>
    /// <exception cref="ModelException">The other worker refused or failed, or the call passed too many.</exception>
    public async Task<T> CallAsync<T>(
        Func<AiService.AiServiceClient, CallOptions, AsyncUnaryCall<T>> invoke, CancellationToken cancellationToken)
    {
        DateTime deadline = _time.GetUtcNow().UtcDateTime.AddMilliseconds(Target.TimeoutMs);
        var call = new CallOptions(Headers(), deadline, cancellationToken);
        try
        {
            return await invoke(Client, call);
        }
        catch (RpcException failure)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw RemoteFailures.Of(failure, Target);
        }
    }

    /// <summary>The metadata of one call.</summary>
    /// <exception cref="ModelException">The call passed too many workers, or a header can not be sent.</exception>
    public Metadata Headers()
    {
        int hops = CallHops.Current + 1;
        if (hops > _options.MaxRemoteHops)
        {
            throw new ModelException(ModelErrorKind.InvalidConfig,
                $"endpoint: the call passed {CallHops.Current} workers already, MaxRemoteHops is "
                + $"{_options.MaxRemoteHops}; models of provider remote may lead back to each other.");
        }
        try
        {
            var headers = new Metadata { { CallHops.Header, hops.ToString() } };
            foreach ((string name, string value) in Target.Headers)
            {
                if (!name.Equals(CallHops.Header, StringComparison.OrdinalIgnoreCase)) headers.Add(name, value);
            }
            return headers;
        }
        catch (ArgumentException failure)
        {
            throw new ModelException(
                ModelErrorKind.InvalidConfig, "config.headers: one of them is no metadata of gRPC.", failure);
        }
    }

    public void Dispose() => _channel.Dispose();
}
