using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// The registry that turns a <see cref="ModelReference"/> into a model for inference and keeps it loaded.
/// </summary>
internal sealed class InferenceModels(OnnxModels files, ModelOptions options) : IDisposable
{
    private const string Provider = "onnx";
    private readonly ModelCache<ModelReference, InferenceModel> _cache = new(options.MaxLoadedModels);

    /// <summary>Borrows the model; it stays loaded until the lease is disposed.</summary>
    /// <exception cref="ModelException">The model is unknown or can not be loaded.</exception>
    public ValueTask<ModelLease<InferenceModel>> AcquireAsync(
        ModelReference reference, CancellationToken cancellationToken)
    {
        if (reference.Provider != Provider)
        {
            throw new ModelException(ModelErrorKind.UnknownModel,
                $"provider: inference runs models of provider {Provider}, '{reference.Provider}' came.");
        }
        return _cache.AcquireAsync(reference, token => LoadAsync(reference, token), cancellationToken);
    }

    /// <summary>Runs a model on tensors; see <see cref="InferenceModel.RunAsync"/>.</summary>
    public async Task<IReadOnlyList<InferenceTensor>> RunAsync(
        ModelReference reference, IReadOnlyList<InferenceTensor> inputs, IReadOnlyList<string> outputs,
        CancellationToken cancellationToken)
    {
        using ModelLease<InferenceModel> lease = await AcquireAsync(reference, cancellationToken);
        return await lease.Value.RunAsync(inputs, outputs, cancellationToken);
    }

    /// <summary>Labels texts; see <see cref="InferenceModel.ClassifyAsync"/>.</summary>
    public async Task<Classification> ClassifyAsync(
        ModelReference reference, IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        using ModelLease<InferenceModel> lease = await AcquireAsync(reference, cancellationToken);
        return await lease.Value.ClassifyAsync(texts, cancellationToken);
    }

    public void Dispose() => _cache.Dispose();

    private async Task<InferenceModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        ModelConfig config = ModelConfig.Parse(reference);
        ModelLease<OnnxModel> lease = await files.AcquireAsync(config, cancellationToken);
        try
        {
            TextTokenizer? tokenizer = TokenizerFiles.IsPresent(files.Folder, config)
                ? TokenizerFiles.Load(files.Folder, config)
                : null;
            return new InferenceModel(lease, tokenizer, config, options.Limits);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }
}
