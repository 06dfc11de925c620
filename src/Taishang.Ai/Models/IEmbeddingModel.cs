namespace Taishang.Ai.Models;

/// <summary>
/// A loaded model that turns texts into vectors. The built-in embedder, ONNX files and remote services stand behind
/// this one door, so that no caller knows which of them answers.
/// </summary>
internal interface IEmbeddingModel : IDisposable
{
    /// <summary>What the model is and what it promises; does not change while it is loaded.</summary>
    EmbeddingModelInfo Info { get; }

    /// <summary>
    /// Embeds <paramref name="texts"/> in their order. All texts are checked before the first is embedded.
    /// Safe to call from many threads.
    /// </summary>
    /// <exception cref="ModelException">
    /// A text is empty or the batch too large (<see cref="ModelErrorKind.InvalidInput"/>), the queue is full
    /// (<see cref="ModelErrorKind.Busy"/>), or the model behind the door failed (the Upstream kinds).
    /// </exception>
    ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken);
}

/// <summary>What a loaded embedding model is.</summary>
/// <param name="Provider">The provider that loaded it: builtin, onnx, openai or remote.</param>
/// <param name="Name">The model's own name at its provider.</param>
/// <param name="Version">The version of the model, as registered or as the provider states it.</param>
/// <param name="Dimensions">Floats in each vector.</param>
/// <param name="MaxTokens">Tokens of a text that are read; the rest is cut off and reported as truncated. 0:
/// unknown.</param>
/// <param name="Checksum">"sha256:" and the hex digest of what was loaded; null where nothing local was loaded.</param>
internal sealed record EmbeddingModelInfo(
    string Provider, string Name, string Version, int Dimensions, int MaxTokens, string? Checksum);
