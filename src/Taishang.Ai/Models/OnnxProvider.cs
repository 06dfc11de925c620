using Taishang.Ai.Embeddings;
using Taishang.Ai.Inference;

namespace Taishang.Ai.Models;

/// <summary>
/// Text-embedding models of the models folder: a folder a model, holding model.onnx and a tokenizer. Its sessions are
/// shared with inference.
/// </summary>
internal sealed class OnnxProvider(OnnxModels files, ModelOptions options) : IModelProvider
{
    public string Name => "onnx";

    public async ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken) =>
        await OnnxEmbeddingModel.CreateAsync(
            files, reference, ModelConfig.Parse(reference), options, cancellationToken);

    /// <summary>Another one once the file was replaced, so that what was found out of it is found out again.</summary>
    public string StateOf(ModelReference reference) => files.StateOf(reference, ModelConfig.Parse(reference));

    /// <summary>What is loaded may be older than what lies on disk, and a test is of the latter.</summary>
    public async ValueTask VerifyAsync(ModelReference reference, CancellationToken cancellationToken) =>
        await files.VerifyAsync(reference, cancellationToken);
}
