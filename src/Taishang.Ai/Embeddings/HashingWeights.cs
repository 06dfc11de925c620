namespace Taishang.Ai.Embeddings;

/// <summary>
/// How much each kind of feature counts. The numbers are part of the model's version: changing one changes every
/// vector. Chosen once for all evaluation sets together, never for one of them; see docs/decisions/0151.
/// </summary>
internal sealed record HashingWeights
{
    /// <summary>Weight of each <see cref="FeatureKind"/> by its number, in sixteenths.</summary>
    public required IReadOnlyList<int> ByKind { get; init; }

    /// <summary>The weights of taishang-embed 1.0.0.</summary>
    public static HashingWeights Version1 { get; } = new() { ByKind = [16, 12, 8, 4, 24, 8, 16] };
}
