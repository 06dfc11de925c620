using System.Text;

namespace Taishang.VectorEngine.Tests.Indexes;

/// <summary>What every index kind promises, whatever it is made of. A subclass names the kind and nothing
/// else.</summary>
public abstract class IndexConformance
{
    private const int Dimensions = 24;

    /// <summary>Low enough that a few thousand rows are walked and not scanned.</summary>
    private const int Ef = 30;

    protected abstract IndexKind Kind { get; }

    protected virtual int Shards => 1;

    /// <summary>What else the kind can be combined with.</summary>
    private protected virtual CompressionKind Compression => CompressionKind.None;

    /// <summary>Engine options that bring the kind to work on a few thousand rows.</summary>
    private protected virtual VectorEngineOptions Engine(VectorEngineOptions engine) => engine;

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Found_rows_come_with_right_distances_and_scores_nearest_first(DistanceMetric metric)
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(1, 3000, Dimensions, 40);
        var collection = await BuiltAsync(folder, metric, vectors);
        foreach (var query in Rows.Clustered(2, 20, Dimensions, 40))
        {
            var hits = collection.Search(new SearchRequest(query, 10) { EfSearch = Ef }).Hits;

            Assert.Equal(10, hits.Count);
            Assert.Equal(hits.OrderBy(hit => hit.Distance).ThenBy(hit => hit.Id), hits);
            foreach (var hit in hits)
            {
                var expected = Rows.Distance(metric, query, vectors[int.Parse(hit.Id.Text[1..])]);
                Assert.Equal(expected, hit.Distance, 1e-3);
                Assert.Equal(Score(metric, expected), hit.Score, 1e-3);
            }
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Recall_keeps_its_budget(DistanceMetric metric)
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, metric, Rows.Clustered(3, 5000, Dimensions, 60));

        // A product is no metric: its graph needs the default width for what the others reach with little more than
        // half.
        var ef = metric == DistanceMetric.Dot ? 100 : 60;
        var recall = Rows.Recall(collection, Rows.Clustered(4, 100, Dimensions, 60), 10, ef);

        Assert.True(recall >= 0.97, $"recall {recall}");
    }

    [Fact]
    public async Task Dot_keeps_its_recall_when_lengths_differ_by_orders_of_magnitude()
    {
        await using var folder = new EngineFolder();
        var random = new Random(31);
        var vectors = Rows.Vectors(32, 5000, Dimensions);
        foreach (var vector in vectors)
        {
            var length = MathF.Exp((float)(random.NextDouble() * 3));
            for (var i = 0; i < vector.Length; i++)
                vector[i] *= length;
        }

        var collection = await BuiltAsync(folder, DistanceMetric.Dot, vectors);

        var recall = Rows.Recall(collection, Rows.Vectors(33, 100, Dimensions), 10, 60);
        Assert.True(recall >= 0.95, $"recall {recall}");
    }

    [Fact]
    public async Task Rows_that_no_index_covers_are_found_at_once()
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, DistanceMetric.L2, Rows.Clustered(5, 2000, Dimensions, 20));
        var random = new Random(6);
        for (var i = 0; i < 50; i++)
        {
            var vector = Rows.Vector(random, Dimensions);
            await collection.UpsertAsync([Rows.Row($"new{i}", vector)], CancellationToken.None);
            Assert.Equal($"new{i}", collection.Search(new SearchRequest(vector, 3) { EfSearch = Ef }).Ids()[0]);
        }
    }

    [Fact]
    public async Task A_replaced_row_is_found_by_its_new_vector_alone_and_a_deleted_one_not_at_all()
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(7, 2000, Dimensions, 20);
        var collection = await BuiltAsync(folder, DistanceMetric.L2, vectors);
        var far = Enumerable.Repeat(50f, Dimensions).ToArray();
        await collection.UpsertAsync([Rows.Row("r000001", far, "{\"n\":2}")], CancellationToken.None);
        Assert.Equal(1, await collection.DeleteAsync([new VectorId("r000002"), new("nobody")], CancellationToken.None));

        Assert.Equal("r000001", collection.Search(new SearchRequest(far, 1)).Ids()[0]);
        Assert.DoesNotContain("r000001", collection.Search(new SearchRequest(vectors[1], 100) { EfSearch = Ef }).Ids());
        Assert.DoesNotContain("r000002", collection.Search(new SearchRequest(vectors[2], 100) { EfSearch = Ef }).Ids());
        Assert.Equal(1999, collection.Count());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(40)]
    [InlineData(400)]
    [InlineData(2000)]
    [InlineData(3600)]
    [InlineData(4000)]
    public async Task Exactly_k_come_back_when_k_match_and_recall_stands(int matching)
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(
            folder,
            DistanceMetric.Cosine,
            Rows.Clustered(8, 4000, Dimensions, 30),
            i => $"{{\"n\":{i * 7919 % 4000}}}");
        var filter = Rows.Filter($"{{\"n\":{{\"$lt\":{matching}}}}}");
        var queries = Rows.Clustered(9, 30, Dimensions, 30);

        foreach (var query in queries)
        {
            var hits = collection.Search(
                new SearchRequest(query, 10) { EfSearch = Ef, Filter = filter, IncludeMetadata = true }).Hits;
            Assert.Equal(Math.Min(10, matching), hits.Count);
            Assert.All(hits, hit => Assert.True(
                int.Parse(Encoding.UTF8.GetString(hit.MetadataJson.Span)[5..^1]) < matching));
        }

        Assert.Equal(matching, collection.Count(filter));
        var unfiltered = Rows.Recall(collection, queries, 10, Ef);
        var filtered = Rows.Recall(collection, queries, 10, Ef, filter);
        Assert.True(filtered >= unfiltered - 0.02, $"filtered {filtered}, unfiltered {unfiltered}");
    }

    [Fact]
    public async Task A_filter_that_only_far_rows_match_still_gives_k()
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(10, 4000, Dimensions, 2);
        var near = vectors[0];
        var ranked = vectors.Select((vector, i) => (i, Rows.Distance(DistanceMetric.L2, near, vector)))
            .OrderByDescending(pair => pair.Item2).Take(1500).Select(pair => pair.i).ToHashSet();
        var collection = await BuiltAsync(
            folder, DistanceMetric.L2, vectors, i => ranked.Contains(i) ? "{\"far\":true}" : "{\"far\":false}");

        var request = new SearchRequest(near, 10) { EfSearch = 12, Filter = Rows.Filter("{\"far\":true}") };

        Assert.Equal(10, collection.Search(request).Hits.Count);
    }

    [Fact]
    public async Task Pages_neither_skip_nor_repeat_also_on_ties()
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(11, 2500, Dimensions, 20);
        for (var i = 0; i < 300; i++)
            vectors[i] = vectors[i % 3];
        var collection = await BuiltAsync(folder, DistanceMetric.L2, vectors);
        var query = vectors[0];
        var pages = new List<string>();
        for (var offset = 0; offset < 700; offset += 20)
            pages.AddRange(collection.Search(new SearchRequest(query, 20) { EfSearch = Ef, Offset = offset }).Ids());

        Assert.Equal(700, pages.Count);
        Assert.Equal(700, pages.Distinct().Count());
        Assert.Equal(pages[..100], pages[..100].Order());
        var rest = new List<string>();
        for (var offset = 700; ; offset += 200)
        {
            var page = collection.Search(new SearchRequest(query, 200) { Exact = true, Offset = offset }).Ids();
            rest.AddRange(page);
            if (page.Length < 200)
                break;
        }

        Assert.Equal(1800, rest.Distinct().Count());
    }

    [Fact]
    public async Task A_thousand_copies_of_one_vector_do_not_spoil_the_others()
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(12, 3000, Dimensions, 20);
        for (var i = 500; i < 1500; i++)
            vectors[i] = vectors[500];
        var collection = await BuiltAsync(folder, DistanceMetric.L2, vectors);
        var queries = Rows.Clustered(13, 60, Dimensions, 20);

        Assert.True(Rows.Recall(collection, queries, 10, Ef) >= 0.95);
        var copies = collection.Search(new SearchRequest(vectors[500], 1000) { EfSearch = Ef });
        Assert.Equal(1000, copies.Hits.Count(hit => hit.Distance == 0));
        Assert.Equal(
            Enumerable.Range(500, 5).Select(i => $"r{i:D6}"),
            collection.Search(new SearchRequest(vectors[500], 5) { EfSearch = Ef }).Ids());
        await collection.DeleteAsync([new VectorId("r000500")], CancellationToken.None);
        Assert.Equal("r000501", collection.Search(new SearchRequest(vectors[500], 1) { EfSearch = Ef }).Ids()[0]);
    }

    [Fact]
    public async Task Asking_for_more_than_exists_gives_what_exists()
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, DistanceMetric.L2, Rows.Clustered(14, 1500, Dimensions, 10));
        var query = Rows.Vectors(15, 1, Dimensions)[0];

        Assert.Equal(1500, collection.Search(new SearchRequest(query, Limits.TopKMax)).Hits.Count);
        Assert.Equal(7, collection.Search(new SearchRequest(query, 100) { Offset = 1493 }).Hits.Count);
        Assert.Empty(collection.Search(new SearchRequest(query, 10) { Offset = 1500 }).Hits);
        Assert.Empty(collection.Search(new SearchRequest(query, 5) { Filter = Rows.Filter("{\"x\":1}") }).Hits);
    }

    [Fact]
    public async Task A_threshold_keeps_what_reaches_it()
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(folder, DistanceMetric.Cosine, Rows.Clustered(16, 1500, Dimensions, 10));
        var query = Rows.Clustered(16, 1, Dimensions, 10)[0];
        var all = collection.Search(new SearchRequest(query, 200)).Hits;
        var threshold = all[50].Score;

        var kept = collection.Search(new SearchRequest(query, 200) { ScoreThreshold = threshold }).Hits;

        Assert.Equal(all.Where(hit => hit.Score >= threshold).Select(hit => hit.Id), kept.Select(hit => hit.Id));
    }

    [Fact]
    public async Task Recall_after_half_was_deleted_and_written_again_is_that_of_a_fresh_build()
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(17, 4000, Dimensions, 30);
        var collection = await BuiltAsync(folder, DistanceMetric.L2, vectors);
        var queries = Rows.Clustered(18, 80, Dimensions, 30);
        var fresh = Rows.Recall(collection, queries, 10, 2 * Ef);
        var half = Rows.Numbered(vectors).Where((_, i) => i % 2 == 0).ToList();

        await collection.DeleteAsync([.. half.Select(row => row.Id)], CancellationToken.None);
        var deleted = Rows.Recall(collection, queries, 10, 2 * Ef);
        await collection.UpsertAllAsync(half);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var again = Rows.Recall(collection, queries, 10, 2 * Ef);

        Assert.True(deleted >= fresh - 0.02, $"with half deleted {deleted}, fresh {fresh}");
        Assert.True(again >= fresh - 0.02, $"written again {again}, fresh {fresh}");
        Assert.Equal(4000, collection.Count());
    }

    [Fact]
    public async Task A_restart_changes_no_answer()
    {
        await using var folder = new EngineFolder();
        var collection = await BuiltAsync(
            folder, DistanceMetric.Cosine, Rows.Clustered(19, 2500, Dimensions, 30), i => $"{{\"n\":{i}}}");
        await collection.DeleteAsync([new VectorId("r000010")], CancellationToken.None);
        var queries = Rows.Clustered(20, 20, Dimensions, 30);
        var before = queries.Select(query => collection.Search(Full(query)).Hits).ToList();

        collection = await folder.ReopenAnyAsync();

        Assert.Equal(2499, collection.Count());
        Assert.Equal(2499, collection.Describe().IndexedRows);
        Assert.Empty(collection.Describe().RecoveryNotes);
        for (var i = 0; i < queries.Length; i++)
        {
            foreach (var (old, now) in before[i].Zip(collection.Search(Full(queries[i])).Hits))
            {
                Assert.Equal(old.Id, now.Id);
                Assert.Equal(old.Distance, now.Distance);
                Assert.True(old.MetadataJson.Span.SequenceEqual(now.MetadataJson.Span));
                Assert.True(old.Vector.Span.SequenceEqual(now.Vector.Span));
            }
        }
    }

    private static SearchRequest Full(float[] query) =>
        new(query, 10) { EfSearch = Ef, IncludeMetadata = true, IncludeVector = true };

    private static double Score(DistanceMetric metric, double distance) => metric switch
    {
        DistanceMetric.L2 => 1 / (1 + distance),
        DistanceMetric.Cosine => 1 - distance,
        _ => -distance,
    };

    private async Task<IVectorCollection> BuiltAsync(
        EngineFolder folder, DistanceMetric metric, float[][] vectors, Func<int, string>? metadata = null)
    {
        folder.Engine = Engine(folder.Engine);
        var collection = await folder.CreateAnyAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = metric,
            Index = Kind,
            Shards = Shards,
            Compression = Compression,
        });
        await collection.UpsertAllAsync(Rows.Numbered(vectors, metadata));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(vectors.Length, collection.Describe().IndexedRows);
        return collection;
    }
}

public sealed class FlatConformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Flat;
}

public sealed class HnswConformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Hnsw;
}

public sealed class IvfFlatConformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.IvfFlat;
}

public sealed class IvfSq8Conformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.IvfSq8;
}

public sealed class HnswSq4Conformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Hnsw;

    private protected override CompressionKind Compression => CompressionKind.Sq4;
}

public sealed class FlatSq8Conformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Flat;

    private protected override CompressionKind Compression => CompressionKind.Sq8;
}

public sealed class AutoConformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Auto;

    /// <summary>A graph from 2,000 rows on, so that the suite meets both sides.</summary>
    private protected override VectorEngineOptions Engine(VectorEngineOptions engine) =>
        engine with { AutoScanBytesMax = 1 };
}

public sealed class ShardedHnswConformance : IndexConformance
{
    protected override IndexKind Kind => IndexKind.Hnsw;

    protected override int Shards => 3;
}

public sealed class ConformanceIsComplete
{
    [Fact]
    public void Every_index_kind_passes_the_suite()
    {
        var suites = typeof(IndexConformance).Assembly.GetTypes()
            .Where(type => type.IsSubclassOf(typeof(IndexConformance)) && !type.IsAbstract)
            .Select(type => type.Name)
            .Where(name => !name.StartsWith("Sharded", StringComparison.Ordinal));

        Assert.Subset(suites.ToHashSet(), Enum.GetNames<IndexKind>().Select(kind => kind + "Conformance").ToHashSet());
    }
}
