using Google.Protobuf;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;
using InferenceLabel = Taishang.Ai.Inference.LabelScore;

namespace Taishang.Ai.Rpc;

/// <summary>Embedding, inference and the test of a registration.</summary>
internal sealed class ModelCalls(
    EmbeddingModels embeddings, InferenceModels inference, ModelTest test, AiMetrics metrics, TimeProvider time,
    RpcOptions options)
{
    public async Task<ComputeEmbeddingResponse> EmbedAsync(
        ComputeEmbeddingRequest request, CancellationToken cancellation)
    {
        var reference = Reference(request.Model);
        using var activity = AiMetrics.Source.StartActivity("model.embed");
        activity?.SetTag("model", reference.ToString()).SetTag("texts", request.Texts.Count);
        var started = time.GetTimestamp();
        var (model, batch) = await embeddings.EmbedAsync(reference, request.Texts, cancellation);
        var bytes = (long)batch.Values.Length * sizeof(float);
        if (bytes > options.SendBytesMax)
            throw new WorkerException(
                ErrorCode.ModelInputInvalid,
                $"texts: {batch.Count} vectors of {batch.Dimensions} dims are {bytes} bytes, an answer holds "
                + $"{options.SendBytesMax}", "texts");
        var response = new ComputeEmbeddingResponse { Dims = batch.Dimensions, Tokens = batch.TotalTokens };
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
        var response = request.InputCase switch
        {
            InferenceModelRequest.InputOneofCase.Text =>
                ToWire(await inference.ClassifyAsync(reference, request.Text.Texts, cancellation)),
            InferenceModelRequest.InputOneofCase.Tensors => ToWire(
                await inference.RunAsync(reference, Tensors.FromWire(request.Tensors.Tensors), [], cancellation)),
            _ => throw new WorkerException(
                ErrorCode.ModelInputInvalid, "input: text or tensors are expected, neither came", "input"),
        };
        metrics.Inference(reference.Provider, reference.Name, response.Tokens, time.GetElapsedTime(started));
        return response;
    }

    public async Task<TestModelResponse> TestAsync(TestModelRequest request, CancellationToken cancellation)
    {
        using var activity = AiMetrics.Source.StartActivity("model.test");
        return await test.RunAsync(Reference(request.Model), cancellation);
    }

    private static ModelReference Reference(ModelSpec? model) => model is null
        ? throw new WorkerException(ErrorCode.InvalidArgument, "model: it is missing", "model")
        : new ModelReference(model.Provider, model.Name, model.Version, model.Endpoint, model.ConfigJson);

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
