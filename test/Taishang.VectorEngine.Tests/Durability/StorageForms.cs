namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>The ways in which a collection can lie on the disk: every index kind, shards, compressions. Tests of what a
/// crash leaves run over all of them.</summary>
internal static class StorageForms
{
    public static TheoryData<IndexKind, int, CompressionKind, RerankKind> All
    {
        get
        {
            var forms = new TheoryData<IndexKind, int, CompressionKind, RerankKind>();
            foreach (var kind in Enum.GetValues<IndexKind>())
                forms.Add(kind, 1, CompressionKind.None, RerankKind.Float32);
            forms.Add(IndexKind.Hnsw, 1, CompressionKind.Sq8, RerankKind.Float32);
            forms.Add(IndexKind.IvfFlat, 1, CompressionKind.Sq4, RerankKind.None);
            forms.Add(IndexKind.Flat, 1, CompressionKind.Binary, RerankKind.Float32);
            forms.Add(IndexKind.Hnsw, 3, CompressionKind.None, RerankKind.Float32);
            forms.Add(IndexKind.Flat, 4, CompressionKind.None, RerankKind.Float32);
            forms.Add(IndexKind.IvfSq8, 2, CompressionKind.None, RerankKind.Float32);
            forms.Add(IndexKind.Hnsw, 3, CompressionKind.Sq4, RerankKind.None);
            forms.Add(IndexKind.Hnsw, 2, CompressionKind.Binary, RerankKind.None);
            return forms;
        }
    }

    /// <param name="kind">Index.</param>
    /// <param name="shards">How many.</param>
    /// <param name="compression">What searches keep in memory.</param>
    /// <param name="rerank">What puts finds in order.</param>
    public static VectorCollectionOptions Options(
        IndexKind kind, int shards, CompressionKind compression, RerankKind rerank) => new()
        {
            Dimensions = compression == CompressionKind.Binary ? Limits.BinaryDimensionsMin : 4,
            Metric = DistanceMetric.L2,
            Index = kind,
            Shards = shards,
            Compression = compression,
            Rerank = rerank,
            Hnsw = new HnswOptions { EfConstruction = 16 },
        };
}
