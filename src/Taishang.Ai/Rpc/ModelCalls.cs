using Google.Protobuf;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Ai.Remote;
using Taishang.Contracts.Ai.V1;
using InferenceLabel = Taishang.Ai.Inference.LabelScore;

namespace Taishang.Ai.Rpc;

/// <summary>Embedding, inference and the test of a registration.</summary>
internal sealed class ModelCalls(
    EmbeddingModels embeddings, InferenceModels inference, RemoteProvider remote, ModelTest test, AiMetrics metrics,
    TimeProvider time, RpcOptions options)
{
    public async Task<ComputeEmbeddingResponse> EmbedAsync(
        ComputeEmbeddingRequest request, CancellationToken cancellation)
    {
        var reference = Reference(request.Model);
        using var activity = AiMetrics.Source.StartActivity("model.embed");
        activity?.SetTag("model", reference.ToString()).SetTag("texts", request.Texts.Count);
        var started = time.GetTimestamp();
        using var lease = await embeddings.AcquireAsync(reference, cancellation);
        var model = lease.Value.Info;
        var running = time.GetTimestamp();
        var batch = await lease.Value.EmbedAsync(request.Texts, cancellation);
        var modelMs = batch.UpstreamMs ?? time.GetElapsedTime(running).TotalMilliseconds;
        var bytes = (long)batch.Values.Length * sizeof(float);
        if (bytes > options.SendBytesMax)
            throw new WorkerException(
                ErrorCode.ModelInputInvalid,
                $"texts: {batch.Count} vectors of {batch.Dimensions} dims are {bytes} bytes, an answer holds "
                + $"{options.SendBytesMax}", "texts");
        var response = new ComputeEmbeddingResponse
        {
            Dims = batch.Dimensions,
            Tokens = batch.TotalTokens,
            TokensEstimated = batch.TokensEstimated,
            ModelMs = modelMs,
        };
        response.Embeddings.Capacity = batch.Count;
        for (var i = 0; i < batch.Count; i++)
        {
            var embedding = new Embedding();
            embedding.Values.AddRange(batch[i].Span);
            response.Embeddings.Add(embedding);
        }

        metrics.Embed(model.Provider, model.Name, batch.TotalTokens, time.GetElapsedTime(started));
        return response;
    }

    public async Task<InferenceModelResponse> InferAsync(InferenceModelRequest request, CancellationToken cancellation)
    {
        var reference = Reference(request.Model);
        using var activity = AiMetrics.Source.StartActivity("model.infer");
        activity?.SetTag("model", reference.ToString());
        var started = time.GetTimestamp();
        var response = reference.Provider == RemoteProvider.ProviderName
            ? await remote.InferAsync(reference, request, cancellation)
            : await InferHereAsync(reference, request, cancellation);
        metrics.Inference(reference.Provider, reference.Name, response.Tokens, time.GetElapsedTime(started));
        return response;
    }

    private async Task<InferenceModelResponse> InferHereAsync(
        ModelReference reference, InferenceModelRequest request, CancellationToken cancellation)
    {
        using var lease = await inference.AcquireAsync(reference, cancellation);
        var running = time.GetTimestamp();
        var response = request.InputCase switch
        {
            InferenceModelRequest.InputOneofCase.Text =>
                ToWire(await lease.Value.ClassifyAsync(request.Text.Texts, cancellation)),
            InferenceModelRequest.InputOneofCase.Tensors => ToWire(
                await lease.Value.RunAsync(Tensors.FromWire(request.Tensors.Tensors), [], cancellation)),
            _ => throw new WorkerException(
                ErrorCode.ModelInputInvalid, "input: text or tensors are expected, neither came", "input"),
        };
        response.ModelMs = time.GetElapsedTime(running).TotalMilliseconds;
        return response;
    }

    public async Task<TestModelResponse> TestAsync(TestModelRequest request, CancellationToken cancellation)
    {
        using var activity = AiMetrics.Source.StartActivity("model.test");
        return await test.RunAsync(Reference(request.Model), cancellation);
    }

    /// <exception cref="WorkerException">There is none.</exception>
    internal static ModelReference Reference(ModelSpec? model) => model is null
        ? throw new WorkerException(ErrorCode.InvalidArgument, "model: it is missing", "model")
        : new ModelReference(
            model.Provider, model.Name, model.Version, model.Endpoint, model.ConfigJson, model.Checksum);

    private static InferenceModelResponse ToWire(Inference.Classification found)
    {
        var response = new InferenceModelResponse { Tokens = found.Tokens.Sum(count => (long)count) };
        foreach (var labels in found.Texts)
        {
            response.Classifications.Add(new Contracts.Ai.V1.Classification { Labels = { labels.Select(ToWire) } });
        }

        return response;
    }

    private static Contracts.Ai.V1.LabelScore ToWire(InferenceLabel label) =>
        new() { Label = label.Label, Score = label.Score };

    private static InferenceModelResponse ToWire(IReadOnlyList<InferenceTensor> tensors) =>
        new() { Tensors = { tensors.Select(Tensors.ToWire) } };
}
