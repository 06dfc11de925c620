namespace Taishang.Ai.Models;

/// <summary>Loads the models of one provider. Loading may be slow; the registry sees that it happens once.</summary>
internal interface IModelProvider
{
    /// <summary>The name by which references ask for this provider, in lower case.</summary>
    string Name { get; }

    /// <summary>Loads the embedding model that <paramref name="reference"/> names; the caller disposes it.</summary>
    /// <exception cref="ModelException">It does not exist or can not be loaded.</exception>
    ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken);
}
