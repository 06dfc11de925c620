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

    public async ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        ModelConfig config = ModelConfig.Parse(reference);
        ModelLease<OnnxModel> lease = await files.AcquireAsync(config, cancellationToken);
        try
        {
            TextTokenizer tokenizer = TokenizerFiles.Load(files.Folder, config);
            return await OnnxEmbeddingModel.CreateAsync(
                lease, tokenizer, config, reference, options.Limits, cancellationToken);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }
}
