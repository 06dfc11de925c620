namespace Taishang.Ai.Models;

/// <summary>
/// The registry that turns a <see cref="ModelReference"/> into a loaded model and keeps it loaded. The one place
/// through which the rest of the worker embeds text.
/// </summary>
internal sealed class EmbeddingModels : IDisposable
{
    private readonly Dictionary<string, IModelProvider> _providers = [];
    private readonly ModelCache<(ModelReference Reference, string State), IEmbeddingModel> _cache;
    private readonly ModelProbe _probe;

    public EmbeddingModels(ModelOptions options, IEnumerable<IModelProvider> providers, TimeProvider time)
    {
        options.Validate();
        foreach (IModelProvider provider in providers) _providers.Add(provider.Name, provider);
        _cache = new ModelCache<(ModelReference Reference, string State), IEmbeddingModel>(options.MaxLoadedModels);
        _probe = new ModelProbe(this, time);
    }

    /// <summary>The providers that can be asked for, in alphabetical order.</summary>
    public IReadOnlyList<string> Providers => [.. _providers.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Borrows the model; it stays loaded until the lease is disposed.</summary>
    /// <exception cref="ModelException">The model is unknown or can not be loaded.</exception>
    public ValueTask<ModelLease<IEmbeddingModel>> AcquireAsync(
        ModelReference reference, CancellationToken cancellationToken)
    {
        IModelProvider provider = ProviderOf(reference);
        return _cache.AcquireAsync(
            (reference, provider.StateOf(reference)), token => provider.LoadAsync(reference, token).AsTask(),
            cancellationToken);
    }

    /// <summary>Embeds texts with the model that <paramref name="reference"/> names.</summary>
    /// <exception cref="ModelException">See <see cref="IEmbeddingModel.EmbedAsync"/>; or it can not be
    /// loaded.</exception>
    public async ValueTask<(EmbeddingModelInfo Model, EmbeddingBatch Batch)> EmbedAsync(
        ModelReference reference, IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        using ModelLease<IEmbeddingModel> lease = await AcquireAsync(reference, cancellationToken);
        return (lease.Value.Info, await lease.Value.EmbedAsync(texts, cancellationToken));
    }

    /// <summary>Loads the model afresh and embeds a probe text; never throws for a model that does not work.</summary>
    public async ValueTask<ModelTestReport> TestAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        try
        {
            // A test is asked for after files or a service were put right, so what is loaded must not answer for them.
            IModelProvider provider = ProviderOf(reference);
            _cache.Forget((reference, provider.StateOf(reference)));
            await provider.VerifyAsync(reference, cancellationToken);
        }
        catch (ModelException failure)
        {
            return ModelProbe.Failed(failure, loadMs: 0);
        }
        return await _probe.TestAsync(reference, cancellationToken);
    }

    public void Dispose()
    {
        _cache.Dispose();
        foreach (IDisposable provider in _providers.Values.OfType<IDisposable>()) provider.Dispose();
    }

    private IModelProvider ProviderOf(ModelReference reference)
    {
        if (!_providers.TryGetValue(reference.Provider, out IModelProvider? provider))
        {
            throw new ModelException(ModelErrorKind.UnknownModel,
                $"provider: one of {string.Join(", ", Providers)} is expected, '{reference.Provider}' came.");
        }
        if (string.IsNullOrWhiteSpace(reference.Name))
            throw new ModelException(ModelErrorKind.UnknownModel, "name: the name of a model is expected, none came.");
        return provider;
    }
}
