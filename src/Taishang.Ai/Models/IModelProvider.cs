namespace Taishang.Ai.Models;

/// <summary>Loads the models of one provider. Loading may be slow; the registry sees that it happens once.</summary>
internal interface IModelProvider
{
    /// <summary>The name by which references ask for this provider, in lower case.</summary>
    string Name { get; }

    /// <summary>Loads the embedding model that <paramref name="reference"/> names; the caller disposes it.</summary>
    /// <exception cref="ModelException">It does not exist or can not be loaded.</exception>
    ValueTask<IEmbeddingModel> LoadAsync(ModelReference reference, CancellationToken cancellationToken);

    /// <summary>The state of what <paramref name="reference"/> is loaded from; another one means another model. Empty
    /// where nothing changes by itself.</summary>
    /// <exception cref="ModelException">It does not exist.</exception>
    string StateOf(ModelReference reference) => "";

    /// <summary>Checks what a loaded model would not notice of the place that it was loaded from.</summary>
    /// <exception cref="ModelException">It is not there any more, or is another.</exception>
    ValueTask VerifyAsync(ModelReference reference, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}
