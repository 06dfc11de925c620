namespace Taishang.VectorEngine.Tests.Indexes;

public sealed class CompressionTests
{
    private const int Dimensions = 96;
    private const int Count = 2000;
    private const int Queries = 60;

    /// <summary>So many that the wide walks of binary codes are not worth a scan.</summary>
    private const int WalkedCount = 14_000;

    [Theory]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.Float32, 0.97)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.None, 0.88)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.Float32, 0.97)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.None, 0.60)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Binary, RerankKind.Float32, 0.82)]
    [InlineData(IndexKind.Flat, CompressionKind.Sq8, RerankKind.None, 0.88)]
    [InlineData(IndexKind.Flat, CompressionKind.Sq4, RerankKind.Float32, 0.97)]
    [InlineData(IndexKind.Flat, CompressionKind.Binary, RerankKind.Float32, 0.82)]
    [InlineData(IndexKind.IvfFlat, CompressionKind.Sq4, RerankKind.Float32, 0.97)]
    [InlineData(IndexKind.IvfFlat, CompressionKind.Binary, RerankKind.Float32, 0.82)]
    [InlineData(IndexKind.IvfSq8, CompressionKind.Sq8, RerankKind.None, 0.88)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.Float16, 0.97)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.Float16, 0.97)]
    [InlineData(IndexKind.Flat, CompressionKind.Binary, RerankKind.Float16, 0.82)]
    [InlineData(IndexKind.IvfFlat, CompressionKind.Sq4, RerankKind.Float16, 0.97)]
    [InlineData(IndexKind.IvfSq8, CompressionKind.Sq8, RerankKind.Float16, 0.97)]
    public async Task Recall_keeps_the_budget_of_the_codes(
        IndexKind kind, CompressionKind compression, RerankKind rerank, double budget)
    {
        var isLarge = kind == IndexKind.Hnsw && compression == CompressionKind.Binary;
        foreach (var metric in isLarge ? [DistanceMetric.Cosine] : Enum.GetValues<DistanceMetric>())
        {
            await using var folder = new EngineFolder();
            var count = isLarge ? WalkedCount : Count;
            var vectors = Rows.Clustered(1, count + Queries, Dimensions, count / 100);
            var options = Options(kind, compression, rerank) with { Metric = metric };
            var collection = await BuiltAsync(folder, options, vectors[..count]);

            var recall = Rows.Recall(collection, vectors[count..], 10, 100);

            Assert.True(recall >= budget, $"{metric}: recall {recall}");
        }
    }

    [Theory]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, 96)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq4, 48)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Binary, 12)]
    [InlineData(IndexKind.Flat, CompressionKind.Sq8, 96)]
    [InlineData(IndexKind.IvfFlat, CompressionKind.Sq4, 48)]
    public async Task The_description_tells_the_choice_and_its_bytes_also_after_a_restart(
        IndexKind kind, CompressionKind compression, int codeBytes)
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, Options(kind, compression, RerankKind.Float32));
        var queries = Rows.Clustered(3, 10, Dimensions, 30);
        var before = queries.Select(query => collection.Search(new SearchRequest(query, 10)).Ids()).ToList();
        var use = collection.Describe().Index;

        Assert.Equal((kind, compression, RerankKind.Float32), (use.Kind, use.Compression, use.Rerank));
        var count = collection.Count();
        Assert.Equal((codeBytes + sizeof(int)) * count, use.CodeBytes);
        Assert.InRange(use.BytesPerVector, codeBytes, codeBytes + 256);
        Assert.Equal(count * Dimensions * sizeof(float), use.FloatDiskBytes);
        Assert.True(use.IndexDiskBytes > use.CodeBytes);

        collection = await folder.ReopenAsync();
        Assert.Empty(collection.Describe().RecoveryNotes);
        Assert.Equal(use.CodeBytes, collection.Describe().Index.CodeBytes);
        Assert.Equal(before, queries.Select(query => collection.Search(new SearchRequest(query, 10)).Ids()));
    }

    [Theory]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, 1e-5)]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq4, 2e-3)]
    [InlineData(IndexKind.Flat, CompressionKind.Sq8, 2e-3)]
    [InlineData(IndexKind.IvfFlat, CompressionKind.Sq4, 2e-3)]
    public async Task Sixteen_bits_a_component_stay_in_memory_and_tell_distances_also_after_a_restart(
        IndexKind kind, CompressionKind compression, double tolerance)
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, Options(kind, compression, RerankKind.Float16));
        var bytes = collection.Describe().Index.CodeBytes;
        Assert.True(bytes > collection.Count() * Dimensions * 2, $"{bytes}");
        Assert.Equal(RerankKind.Float16, collection.Describe().Index.Rerank);

        collection = await folder.ReopenAsync();
        Assert.Equal(bytes, collection.Describe().Index.CodeBytes);
        foreach (var query in Rows.Clustered(1, 5, Dimensions, 30))
        {
            var exact = collection.Search(new SearchRequest(query, Count) { Exact = true }).Hits
                .ToDictionary(hit => hit.Id, hit => (double)hit.Distance);
            Assert.All(
                collection.Search(new SearchRequest(query, 10)).Hits,
                hit => Assert.Equal(exact[hit.Id], hit.Distance, tolerance * exact.Values.Max(Math.Abs)));
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Distances_without_floats_are_near_the_true_ones_and_fit_those_of_rows_not_yet_covered(
        DistanceMetric metric)
    {
        await using var folder = new EngineFolder();
        var options = Options(IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.None) with { Metric = metric };
        var collection = await BuiltAsync(folder, options);
        foreach (var query in Rows.Clustered(1, 5, Dimensions, 30))
        {
            var exact = collection.Search(new SearchRequest(query, Count) { Exact = true }).Hits
                .ToDictionary(hit => hit.Id, hit => hit.Distance);
            var hits = collection.Search(new SearchRequest(query, 20)).Hits;
            var scale = exact.Values.Max(Math.Abs);
            Assert.All(hits, hit => Assert.Equal(exact[hit.Id], hit.Distance, 0.02 * scale));
            Assert.Equal(hits.OrderBy(hit => hit.Distance), hits);
        }

        var far = Rows.Vector(new Random(9), Dimensions);
        await collection.UpsertAsync([Rows.Row("late", far)], CancellationToken.None);
        Assert.Contains("late", collection.Search(new SearchRequest(far, 10)).Ids());
    }

    [Fact]
    public async Task Rows_that_codes_do_not_serve_are_compared_by_floats_and_the_description_says_so()
    {
        await using var folder = new EngineFolder();
        var random = new Random(8);
        var vectors = Rows.Vectors(9, 2000, Dimensions);
        foreach (var vector in vectors)
            vector[0] = random.Next(2) * 1e6f;
        var collection = await folder.CreateAsync(Options(IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.None));
        await collection.UpsertAllAsync(Rows.Numbered(vectors));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        var use = collection.Describe().Index;
        Assert.Equal((IndexKind.Hnsw, CompressionKind.None), (use.Kind, use.Compression));
        Assert.Contains("Sq4 codes do not tell these rows apart, so floats are compared", use.Reason);
        Assert.True(Rows.Recall(collection, Rows.Vectors(10, 20, Dimensions), 10, 200) > 0.9);
    }

    [Theory]
    [InlineData(IndexKind.Hnsw, CompressionKind.None, RerankKind.None, 96, "rerank: without compression")]
    [InlineData(IndexKind.IvfSq8, CompressionKind.Binary, RerankKind.Float32, 96, "IVF_SQ8 is sq8 already")]
    [InlineData(IndexKind.Hnsw, CompressionKind.Binary, RerankKind.Float32, 63, "binary needs at least 64")]
    [InlineData(IndexKind.Hnsw, (CompressionKind)9, RerankKind.Float32, 96, "compression: not known")]
    [InlineData(IndexKind.Hnsw, CompressionKind.Sq8, (RerankKind)9, 96, "rerank: not known")]
    public async Task What_does_not_go_together_is_refused_by_its_field(
        IndexKind kind, CompressionKind compression, RerankKind rerank, int dimensions, string message)
    {
        await using var folder = new EngineFolder();
        var refused = await Assert.ThrowsAsync<VectorInputException>(() => folder.CreateAsync(
            Options(kind, compression, rerank) with { Dimensions = dimensions }));
        Assert.Contains(message, refused.Message);
    }

    private static VectorCollectionOptions Options(
        IndexKind kind, CompressionKind compression, RerankKind rerank) => new()
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
            Compression = compression,
            Rerank = rerank,
        };

    private static async Task<VectorCollection> BuiltAsync(
        EngineFolder folder, VectorCollectionOptions options, float[][]? vectors = null)
    {
        vectors ??= Rows.Clustered(1, Count, Dimensions, Count / 100);
        var collection = await folder.CreateAsync(
            options with { Hnsw = new HnswOptions { EfConstruction = 60, EfSearch = 100 } });
        await collection.UpsertAllAsync(Rows.Numbered(vectors));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(vectors.Length, collection.Describe().IndexedRows);
        return collection;
    }
}
