using Google.Protobuf;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Remote;

/// <summary>An embedding model of another worker. Takes over the lease.</summary>
internal sealed class RemoteEmbeddingModel(
    ModelLease<RemoteConnection> lease, EmbeddingLimits limits, EmbeddingModelInfo info) : IEmbeddingModel
{
    public EmbeddingModelInfo Info { get; } = info;

    public async ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        limits.Check(texts);
        ComputeEmbeddingResponse answer = await AskAsync(lease.Value, texts, cancellationToken);
        if (answer.Dims != Info.Dimensions)
        {
            throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The other worker gave {answer.Dims} dimensions where it gave {Info.Dimensions} before.");
        }
        float[] values = new float[texts.Count * answer.Dims];
        for (int row = 0; row < texts.Count; row++)
            answer.Embeddings[row].Values.CopyTo(values, row * answer.Dims);
        // The other worker counts the call as a whole; the first text stands for it.
        int[] tokens = new int[texts.Count];
        tokens[0] = (int)Math.Clamp(answer.Tokens, 0, int.MaxValue);
        return new EmbeddingBatch(values, answer.Dims, tokens)
        {
            TokensEstimated = answer.TokensEstimated,
            UpstreamMs = answer.ModelMs,
        };
    }

    public void Dispose() => lease.Dispose();

    /// <summary>Embeds texts there and checks the form of the answer.</summary>
    /// <exception cref="ModelException">See <see cref="RemoteConnection.CallAsync"/>; or it makes no sense.</exception>
    public static async Task<ComputeEmbeddingResponse> AskAsync(
        RemoteConnection connection, IEnumerable<string> texts, CancellationToken cancellationToken)
    {
        var request = new ComputeEmbeddingRequest { Model = connection.Target.Spec, Texts = { texts } };
        ComputeEmbeddingResponse answer = await connection.CallAsync(
            (client, call) => client.ComputeEmbeddingAsync(request, call), cancellationToken);
        bool fits = answer.Dims > 0 && answer.Embeddings.Count == request.Texts.Count
            && answer.Embeddings.All(row => row.Values.Count == answer.Dims && row.Values.All(float.IsFinite));
        return fits
            ? answer
            : throw new ModelException(ModelErrorKind.UpstreamFailed,
                $"The other worker's answer can not be used: {request.Texts.Count} vectors of {answer.Dims} dimensions "
                + $"are expected, {answer.Embeddings.Count} came, or they differ in length or are not finite.");
    }
}
