namespace Taishang.VectorEngine.Tests;

/// <summary>A search into an answer that is used again allocates nothing on the managed heap.</summary>
public sealed class AllocationTests
{
    private const int Dimensions = 24;
    private const int WarmRoundsMax = 40;

    [Theory]
    [InlineData(IndexKind.Hnsw, DistanceMetric.L2, 1, 0)]
    [InlineData(IndexKind.Hnsw, DistanceMetric.Cosine, 1, 0)]
    [InlineData(IndexKind.Hnsw, DistanceMetric.Dot, 1, 0)]
    [InlineData(IndexKind.Flat, DistanceMetric.Cosine, 1, 0)]
    [InlineData(IndexKind.Hnsw, DistanceMetric.L2, 3, 0)]
    [InlineData(IndexKind.Hnsw, DistanceMetric.L2, 3, 2)]
    [InlineData(IndexKind.Flat, DistanceMetric.Cosine, 3, 2)]
    public async Task A_search_allocates_nothing_after_warm_up(
        IndexKind kind, DistanceMetric metric, int shards, int helpers)
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SearchThreads = new SearchThreads(helpers) };
        var collection = await folder.CreateAnyAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = metric,
            Index = kind,
            Shards = shards,
        });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Clustered(41, 4000, Dimensions, 40), i => $"{{\"n\":{i}}}"));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Clustered(42, 300, Dimensions, 40)));
        var queries = Rows.Clustered(43, 20, Dimensions, 40);
        SearchRequest[] requests =
        [
            new(default, 10) { EfSearch = 30 },
            new(default, 10),
            new(default, 10) { EfSearch = 400 },
            new(default, 20) { EfSearch = 20, Offset = 100 },
            new(default, 10) { Exact = true },
            new(default, 50) { ScoreThreshold = -1000 },
            new(default, 10) { Filter = Rows.Filter("{\"n\":{\"$gte\":100}}"), EfSearch = 30 },
            new(default, 10) { Filter = Rows.Filter("{\"n\":{\"$lt\":500}}"), EfSearch = 30 },
        ];
        using var matches = new SearchMatches();

        // The runtime compiles what runs hot once more behind our back, and its first form may allocate: what is left
        // after some rounds is the search's own.
        long allocated = 0;
        for (var round = 0; round < WarmRoundsMax; round++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            SearchAll(collection, queries, requests, matches);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            if (round > 0 && allocated == 0)
                break;
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public async Task The_reused_answer_holds_what_the_copied_one_says()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Clustered(44, 2000, Dimensions, 20), i => $"{{\"n\":{i}}}"));
        await collection.UpsertAsync(
            [new VectorRow(VectorId.FromInteger(7), Rows.Vectors(45, 1, Dimensions)[0])], CancellationToken.None);
        var query = Rows.Vectors(45, 1, Dimensions)[0];
        var request = new SearchRequest(query, 30) { IncludeMetadata = true, IncludeVector = true, Offset = 0 };
        using var matches = new SearchMatches();

        collection.Search(query, request, matches, CancellationToken.None);
        var hits = collection.Search(request).Hits;

        Assert.Equal(hits.Count, matches.Count);
        Assert.True(matches[0].IdIsInteger);
        for (var i = 0; i < hits.Count; i++)
        {
            Assert.Equal(hits[i].Id, matches[i].ToId());
            Assert.Equal(hits[i].Distance, matches[i].Distance);
            Assert.Equal(hits[i].Score, matches[i].Score);
            Assert.True(hits[i].MetadataJson.Span.SequenceEqual(matches[i].MetadataJson));
            Assert.True(hits[i].Vector.Span.SequenceEqual(matches[i].Vector));
        }
    }

    [Fact]
    public async Task An_answer_stays_readable_while_its_rows_are_compacted_away_and_the_collection_closed()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        var rows = Rows.Numbered(Rows.Clustered(46, 1200, Dimensions, 20), i => $"{{\"n\":{i}}}");
        await collection.UpsertAllAsync(rows);
        using var matches = new SearchMatches();
        collection.Search(rows[5].Vector.Span, new SearchRequest(default, 3), matches, CancellationToken.None);

        await collection.DeleteAsync([.. rows.Take(1100).Select(row => row.Id)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DisposeAsync();

        Assert.Equal("r000005", matches[0].ToId().Text);
        Assert.True(matches[0].MetadataJson.SequenceEqual("{\"n\":5}"u8));
        Assert.True(matches[0].Vector.SequenceEqual(rows[5].Vector.Span));
        matches.Clear();
        Assert.Equal(0, matches.Count);
        Assert.Throws<ArgumentOutOfRangeException>(() => matches[0].Distance);
    }

    private static void SearchAll(
        IVectorCollection collection, float[][] queries, SearchRequest[] requests, SearchMatches matches)
    {
        foreach (var request in requests)
        {
            foreach (var query in queries)
            {
                collection.Search(query, request, matches, CancellationToken.None);
                Assert.True(matches.Count > 0 && matches[0].IdUtf8.Length > 0 && matches[0].Score <= float.MaxValue);
            }
        }
    }
}
