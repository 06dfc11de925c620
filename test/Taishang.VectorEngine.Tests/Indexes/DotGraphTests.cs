namespace Taishang.VectorEngine.Tests.Indexes;

/// <summary>Graphs under the inner product, which is no metric: rows of very different lengths, all products positive,
/// as those of pictures are.</summary>
public sealed class DotGraphTests
{
    private const int Dimensions = 64;
    private const int RowCount = 6_000;
    private const int Clusters = 20;
    private const int K = 10;
    private const int Ef = 40;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task Recall_stands_though_a_few_long_rows_are_everybodys_neighbours(double spread)
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, Pictures(1, RowCount, spread));

        var recall = Rows.Recall(collection, Pictures(2, 200, 0), K, Ef);

        Assert.True(recall >= 0.97, $"recall {recall}");
    }

    [Fact]
    public async Task Filters_and_deletes_cost_no_recall()
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, Pictures(3, RowCount, 1));
        var queries = Pictures(4, 100, 0);
        var fresh = Rows.Recall(collection, queries, K, Ef);
        foreach (var share in new[] { 0.01, 0.1, 0.3, 0.6, 0.95 })
        {
            var filter = Rows.Filter($"{{\"n\":{{\"$lt\":{(int)(RowCount * share)}}}}}");
            var filtered = Rows.Recall(collection, queries, K, Ef, filter);
            Assert.True(filtered >= fresh - 0.02, $"share {share}: recall {filtered}, unfiltered {fresh}");
        }

        // The longest rows, which answer most searches, go and come back.
        var vectors = Pictures(3, RowCount, 1);
        var longest = Rows.Numbered(vectors, Metadata)
            .OrderByDescending(row => Length(row.Vector.Span)).Take(900).ToList();
        await collection.DeleteAsync([.. longest.Select(row => row.Id)], CancellationToken.None);
        var deleted = Rows.Recall(collection, queries, K, Ef);
        await collection.UpsertAllAsync(longest);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var again = Rows.Recall(collection, queries, K, Ef);

        Assert.True(deleted >= fresh - 0.02, $"with the longest deleted {deleted}, fresh {fresh}");
        Assert.True(again >= fresh - 0.02, $"written again {again}, fresh {fresh}");
    }

    [Fact]
    public async Task Rows_far_longer_than_all_before_them_are_found_after_the_next_build()
    {
        await using var folder = new EngineFolder();
        var vectors = Pictures(5, RowCount, 0.3);
        var collection = await BuiltAsync(folder, vectors[..1000]);
        foreach (var vector in vectors[1000..])
            Stretch(vector, 10);
        await collection.UpsertAllAsync([.. Rows.Numbered(vectors, Metadata).Skip(1000)]);

        await collection.BuildIndexAsync(null, CancellationToken.None);

        Assert.Equal(RowCount, collection.Describe().IndexedRows);
        var queries = Pictures(6, 100, 0);
        var recall = Rows.Recall(collection, queries, K, Ef);
        Assert.True(recall >= 0.97, $"recall {recall}");
        collection = await folder.ReopenAsync();
        Assert.Equal(RowCount, collection.Describe().IndexedRows);
        Assert.Equal(recall, Rows.Recall(collection, queries, K, Ef));
    }

    private static async Task<VectorCollection> BuiltAsync(EngineFolder folder, float[][] vectors)
    {
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = Dimensions, Metric = DistanceMetric.Dot });
        await collection.UpsertAllAsync(Rows.Numbered(vectors, Metadata));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        return collection;
    }

    private static string Metadata(int row) => $"{{\"n\":{row * 7919 % RowCount}}}";

    /// <summary>No component below zero; lengths spread by so many factors of e.</summary>
    private static float[][] Pictures(int seed, int count, double spread)
    {
        var random = new Random(seed);
        var vectors = Rows.Clustered(seed, count, Dimensions, Clusters);
        foreach (var vector in vectors)
        {
            for (var i = 0; i < vector.Length; i++)
                vector[i] = Math.Abs(vector[i]);
            Stretch(vector, (float)Math.Exp(random.NextDouble() * spread));
        }

        return vectors;
    }

    private static void Stretch(float[] vector, float factor)
    {
        for (var i = 0; i < vector.Length; i++)
            vector[i] *= factor;
    }

    private static double Length(ReadOnlySpan<float> vector)
    {
        var sum = 0d;
        foreach (var component in vector)
            sum += component * component;
        return sum;
    }
}
