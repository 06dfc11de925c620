using System.Collections.Concurrent;

namespace Taishang.VectorEngine.Tests;

/// <summary>Many queries in one call.</summary>
public sealed class BatchTests
{
    private const int Dimensions = 16;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_batch_answers_each_query_as_it_would_be_answered_alone(int threads)
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder);
        ReadOnlyMemory<float>[] queries = [.. Rows.Clustered(52, 60, Dimensions, 30).Select(q => q.AsMemory())];
        var request = new SearchRequest(default, 7) { Filter = Rows.Filter("{\"n\":{\"$lt\":900}}"), Offset = 3 };
        var answers = new ConcurrentDictionary<int, string[]>();

        collection.SearchAll(
            queries, request, threads, (query, matches) => Assert.True(answers.TryAdd(query, Ids(matches))),
            CancellationToken.None);

        Assert.Equal(queries.Length, answers.Count);
        for (var i = 0; i < queries.Length; i++)
            Assert.Equal(collection.Search(request with { Vector = queries[i] }).Ids(), answers[i]);
    }

    [Fact]
    public async Task A_batch_with_one_bad_query_names_it_and_answers_none()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder);
        ReadOnlyMemory<float>[] queries = [new float[] { 1 }.AsMemory()];
        ReadOnlyMemory<float>[] bad = [Rows.Vectors(53, 1, Dimensions)[0], queries[0]];

        var error = Assert.Throws<VectorInputException>(() => collection.SearchAll(
            bad, new SearchRequest(default, 3), 2, (_, _) => Assert.Fail("answered"), CancellationToken.None));

        Assert.Equal(1, error.Row);
        Assert.Equal(VectorInputError.DimensionMismatch, error.Kind);
        Assert.Equal(VectorInputError.BadParameter, Assert.Throws<VectorInputException>(() => collection.SearchAll(
            [], new SearchRequest(default, 3), 2, (_, _) => { }, CancellationToken.None)).Kind);
    }

    [Fact]
    public async Task A_failure_of_one_query_ends_the_batch_as_itself()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder);
        ReadOnlyMemory<float>[] queries = [.. Rows.Vectors(54, 20, Dimensions).Select(q => q.AsMemory())];

        Assert.Throws<TimeoutException>(() => collection.SearchAll(
            queries, new SearchRequest(default, 3), 2, (_, _) => throw new TimeoutException(),
            CancellationToken.None));
        await collection.DisposeAsync();
    }

    private static string[] Ids(SearchMatches matches)
    {
        var ids = new string[matches.Count];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = matches[i].ToId().Text;
        return ids;
    }

    private static async Task<VectorCollection> FilledAsync(EngineFolder folder)
    {
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
        });
        await collection.UpsertAllAsync(
            Rows.Numbered(Rows.Clustered(51, 2000, Dimensions, 30), i => $"{{\"n\":{i}}}"));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        return collection;
    }
}
