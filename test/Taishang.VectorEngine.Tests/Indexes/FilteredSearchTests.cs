using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Indexes;

/// <summary>Filters keep their promise over a graph, however many rows match, wherever they lie.</summary>
public sealed class FilteredSearchTests
{
    private const int Dimensions = 16;
    private const int K = 10;

    /// <summary>So low that the walk is taken from a few hundred matching rows on.</summary>
    private const int Ef = 40;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    private static int RowCount => IsLong ? 100_000 : 10_000;

    private static double[] Shares => [0.0001, 0.001, 0.01, 0.03, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 1];

    [Theory]
    [InlineData(DistanceMetric.L2, false)]
    [InlineData(DistanceMetric.Cosine, true)]
    [InlineData(DistanceMetric.Dot, true)]
    public async Task K_come_back_and_recall_stands_at_every_selectivity(DistanceMetric metric, bool withDeaths)
    {
        await using var folder = new EngineFolder();
        var clock = new FakeTimeProvider();
        folder.Engine = folder.Engine with { Time = clock };
        var collection = await BuiltAsync(folder, metric, clock.GetUtcNow().AddMinutes(1));
        if (withDeaths)
            await KillAsync(collection, clock);

        // Rows are numbered along the first axis: the first queries lie among what matches, the last ones far away.
        var queries = Rows.Clustered(2, 180, Dimensions, 50).OrderBy(query => query[0]).ToArray();
        var near = new Asked(collection, queries[..60]);
        var far = new Asked(collection, queries[^60..]);
        var anywhere = new Asked(collection, [.. queries.Where((_, i) => i % 3 == 0)]);
        foreach (var share in Shares)
        {
            var most = (int)(RowCount * share);
            anywhere.Check($"{{\"any\":{{\"$lt\":{most}}}}}");
            near.Check($"{{\"place\":{{\"$lt\":{most}}}}}");
            far.Check($"{{\"place\":{{\"$lt\":{most}}}}}");
        }
    }

    [Fact]
    public async Task Rows_with_twins_are_found_by_the_twin_that_matches()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = Dimensions, Metric = DistanceMetric.L2 });
        var vectors = Rows.Clustered(3, 2500, Dimensions, 30);
        float[][] all = [.. vectors, .. vectors];
        await collection.UpsertAllAsync(Rows.Numbered(all, i => $"{{\"copy\":{i / 2500},\"any\":{i % 2500}}}"));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        var asked = new Asked(collection, vectors[..60]);
        asked.Check("{\"copy\":1}");
        asked.Check("{\"copy\":1,\"any\":{\"$lt\":1200}}");
    }

    private static async Task<VectorCollection> BuiltAsync(
        EngineFolder folder, DistanceMetric metric, DateTimeOffset expiry)
    {
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = Dimensions, Metric = metric });
        var vectors = Rows.Clustered(1, RowCount, Dimensions, 50);
        var any = Enumerable.Range(0, RowCount).ToArray();
        new Random(4).Shuffle(any);
        var places = new int[RowCount];
        var order = Enumerable.Range(0, RowCount).OrderBy(row => vectors[row][0]).ToArray();
        for (var place = 0; place < RowCount; place++)
            places[order[place]] = place;

        var rows = vectors.Select((vector, i) =>
        {
            var row = Rows.Row($"r{i:D6}", vector, $"{{\"any\":{any[i]},\"place\":{places[i]}}}");
            return i % 9 == 0 ? row with { ExpiresAt = expiry } : row;
        });
        await collection.UpsertAllAsync([.. rows]);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        return collection;
    }

    /// <summary>A ninth expires, a ninth is deleted: too few of them to be compacted away.</summary>
    private static async Task KillAsync(VectorCollection collection, FakeTimeProvider clock)
    {
        clock.Advance(TimeSpan.FromMinutes(2));
        var ids = Enumerable.Range(0, RowCount).Where(i => i % 9 == 1).Select(i => new VectorId($"r{i:D6}"));
        foreach (var some in ids.Chunk(1000))
            await collection.DeleteAsync(some, CancellationToken.None);
        Assert.Equal(RowCount - (RowCount + 8) / 9 - (RowCount + 7) / 9, collection.Count());
    }

    /// <summary>Queries, and what they recall where nothing is filtered.</summary>
    private sealed class Asked(VectorCollection collection, float[][] queries)
    {
        private readonly double _unfiltered = Rows.Recall(collection, queries, K, Ef);

        public void Check(string json)
        {
            var filter = Rows.Filter(json);
            var matching = collection.Count(filter);
            foreach (var query in queries)
            {
                var hits = collection.Search(new SearchRequest(query, K) { Filter = filter, EfSearch = Ef }).Hits;
                Assert.Equal(Math.Min(K, matching), hits.Select(hit => hit.Id).Distinct().Count());
            }

            var recall = matching == 0 ? 1 : Rows.Recall(collection, queries, K, Ef, filter);
            Assert.True(recall >= _unfiltered - 0.02, $"{json}: recall {recall}, unfiltered {_unfiltered}");
        }
    }
}
