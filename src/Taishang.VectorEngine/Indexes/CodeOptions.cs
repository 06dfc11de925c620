using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Indexes;

/// <summary>What an index keeps of a row to compare it by.</summary>
/// <param name="Form">Of codes; null for floats.</param>
/// <param name="Rerank">What puts in order what codes found.</param>
/// <param name="KeepsRemainders">Whether what codes leave out is kept beside them.</param>
/// <param name="KeepsHalves">Whether halves of the rows are kept to put finds in order.</param>
internal readonly record struct CodeOptions(
    CodeForm? Form, RerankKind Rerank, bool KeepsRemainders = false, bool KeepsHalves = false)
{
    /// <summary>What a collection's options make of it. A graph walks over codes also when nothing is to be
    /// compressed, for they are faster; lists hold floats unless codes are asked for.</summary>
    public static CodeOptions Of(VectorCollectionOptions options, IndexKind kind)
    {
        CodeForm? form = options.Compression switch
        {
            CompressionKind.Sq8 => CodeForm.Seven,
            CompressionKind.Sq4 => CodeForm.Four,
            CompressionKind.Binary => CodeForm.One,
            _ => kind is IndexKind.Hnsw or IndexKind.IvfSq8 ? CodeForm.Seven : null,
        };

        // Beside codes of seven bits the sixteen that follow say more than halves do, and take the same. A product's
        // order is not that of the components' distances.
        var isAskedFor = options is { Compression: CompressionKind.None, Rerank: RerankKind.Float32 }
            or { Compression: CompressionKind.Sq8, Rerank: RerankKind.Float16 };
        var keepsRemainders = kind == IndexKind.Hnsw && isAskedFor
            && options is { Metric: not DistanceMetric.Dot, OrderByFloats: false };
        return new CodeOptions(
            form, options.Rerank, keepsRemainders, options.Rerank == RerankKind.Float16 && !keepsRemainders);
    }
}
