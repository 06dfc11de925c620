using Taishang.Ai.Models;

namespace Taishang.Ai.Inference;

/// <summary>
/// The registry that turns a <see cref="ModelReference"/> into a model for inference and keeps it loaded.
/// </summary>
internal sealed class InferenceModels(OnnxModels files, ModelOptions options) : IDisposable
{
    private const string Provider = "onnx";
    private readonly ModelCache<(ModelReference Reference, string State), InferenceModel> _cache =
        new(options.MaxLoadedModels);

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
        string state = files.StateOf(reference, ModelConfig.Parse(reference));
        return _cache.AcquireAsync(
            (reference, state), token => InferenceModel.CreateAsync(files, reference, options, token),
            cancellationToken);
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

    /// <summary>Checks that what lies on disk is what was registered.</summary>
    /// <exception cref="ModelException">It is not there, or is another.</exception>
    public Task VerifyAsync(ModelReference reference, CancellationToken cancellationToken) =>
        files.VerifyAsync(reference, cancellationToken);

    public void Dispose() => _cache.Dispose();
}
