using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Indexes;

/// <summary>What an index keeps of a row to compare it by.</summary>
/// <param name="Form">Of codes; null for floats.</param>
/// <param name="Rerank">What puts in order what codes found.</param>
/// <param name="KeepsRemainders">Whether what codes leave out is kept beside them.</param>
internal readonly record struct CodeOptions(CodeForm? Form, RerankKind Rerank, bool KeepsRemainders = false)
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

        // A compression is asked for to keep less; a product's order is not that of the components' distances.
        var keepsRemainders = kind == IndexKind.Hnsw && options is
        {
            Compression: CompressionKind.None,
            Rerank: RerankKind.Float32,
            Metric: not DistanceMetric.Dot,
            OrderByFloats: false,
        };
        return new CodeOptions(form, options.Rerank, keepsRemainders);
    }
}
