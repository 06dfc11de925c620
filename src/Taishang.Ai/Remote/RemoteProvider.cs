using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>
/// Models of another taishang-ai: embeddings, chat, inference and tests are asked of it over gRPC. Its address is
/// checked as every endpoint is; loops are refused by a count of the workers passed.
/// </summary>
internal sealed class RemoteProvider(
    ModelOptions options, TimeProvider time, HostResolver? resolver = null, HostConnector? connector = null)
    : IModelProvider, IChatProvider, IDisposable
{
    public const string ProviderName = "remote";

    private readonly GuardedHttp _guard = new(options, resolver, connector);

    // A model for embedding, one for chat and the calls that need neither share the connection.
    private readonly ModelCache<ModelReference, RemoteConnection> _connections = new(options.MaxLoadedModels * 2);

    public string Name => ProviderName;

    /// <summary>Connects and embeds a probe, by which the dimensions become known.</summary>
    public async ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        ModelLease<RemoteConnection> lease = await ConnectAsync(reference, cancellationToken);
        try
        {
            ComputeEmbeddingResponse probe =
                await RemoteEmbeddingModel.AskAsync(lease.Value, ["probe"], cancellationToken);
            var info = new EmbeddingModelInfo(
                Name, lease.Value.Target.Spec.Name, reference.Version, probe.Dims, MaxTokens: 0, Checksum: null);
            return new RemoteEmbeddingModel(lease, options.Limits, info);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    public async ValueTask<IChatModel> LoadChatAsync(ModelReference reference, CancellationToken cancellationToken) =>
        new RemoteChatModel(await ConnectAsync(reference, cancellationToken));

    /// <summary>Passes inference on as it came.</summary>
    public async Task<InferenceModelResponse> InferAsync(
        ModelReference reference, InferenceModelRequest request, CancellationToken cancellationToken)
    {
        using ModelLease<RemoteConnection> lease = await ConnectAsync(reference, cancellationToken);
        InferenceModelRequest passed = request.Clone();
        passed.Model = lease.Value.Target.Spec;
        return await lease.Value.CallAsync(
            (client, call) => client.InferenceModelAsync(passed, call), cancellationToken);
    }

    /// <summary>Has the other worker test its model.</summary>
    public async Task<TestModelResponse> TestAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        // A test is asked for after an address was put right, so it connects afresh.
        _connections.Forget(reference);
        using ModelLease<RemoteConnection> lease = await ConnectAsync(reference, cancellationToken);
        var request = new TestModelRequest { Model = lease.Value.Target.Spec };
        return await lease.Value.CallAsync((client, call) => client.TestModelAsync(request, call), cancellationToken);
    }

    public void Dispose() => _connections.Dispose();

    private ValueTask<ModelLease<RemoteConnection>> ConnectAsync(
        ModelReference reference, CancellationToken cancellationToken) => _connections.AcquireAsync(
            reference,
            _ => Task.FromResult(new RemoteConnection(RemoteTarget.Read(reference, options), _guard, options, time)),
            cancellationToken);
}
