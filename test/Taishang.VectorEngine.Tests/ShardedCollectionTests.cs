using System.Text;
using Microsoft.Extensions.Time.Testing;
using Taishang.VectorEngine.Filtering;

namespace Taishang.VectorEngine.Tests;

/// <summary>A collection of several shards answers as one does.</summary>
public sealed class ShardedCollectionTests
{
    private const int Dimensions = 8;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task Everything_that_can_be_asked_is_answered_as_by_one_collection(int helpers)
    {
        await using var oneFolder = new EngineFolder();
        await using var manyFolder = new EngineFolder();
        manyFolder.Engine = manyFolder.Engine with { SearchThreads = new SearchThreads(helpers) };
        var one = await FilledAsync(oneFolder, 1);
        var many = await FilledAsync(manyFolder, 5);
        var filter = Rows.Filter("{\"n\":{\"$lt\":700}}");
        foreach (var query in Rows.Clustered(82, 10, Dimensions, 6))
        {
            SearchRequest[] requests =
            [
                new(query, 10),
                new(query, 7) { Offset = 20 },
                new(query, 50) { Filter = filter, IncludeMetadata = true, IncludeVector = true },
                new(query, 2000),
                new(query, 30) { ScoreThreshold = 0.2f },
            ];
            foreach (var request in requests)
                Assert.Equal(Shown(one.Search(request)), Shown(many.Search(request)));

            var grouped = requests[0] with { Filter = filter };
            Assert.Equal(
                Shown(one.SearchGroups(grouped, new GroupBy("g", 3))),
                Shown(many.SearchGroups(grouped, new GroupBy("g", 3))));
            Assert.Equal(
                Shown(one.SearchGroups(grouped, new GroupBy("n", 2))),
                Shown(many.SearchGroups(grouped, new GroupBy("n", 2))));
            Assert.Equal(Batch(one, [query, query], requests[1]), Batch(many, [query, query], requests[1]));
            Assert.Equal(Batch(one, [query], requests[2]), Batch(many, [query], requests[2]));
        }

        VectorId[] ids = [new("r000007"), new("nobody"), new("r000003"), new("r000950"), new("r000003")];
        Assert.Equal(one.Get(ids).Select(row => row.Id), many.Get(ids).Select(row => row.Id));
        Assert.Equal(one.Count(), many.Count());
        Assert.Equal(one.Count(filter), many.Count(filter));
        Assert.Equal(ScrollAll(one, filter), ScrollAll(many, filter));
        Assert.Equal(one.Describe().LiveRows, many.Describe().LiveRows);
        Assert.Equal(5, many.Describe().Options.Shards);
    }

    [Fact]
    public async Task Random_operations_match_a_dictionary_over_restarts()
    {
        await using var folder = new EngineFolder();
        var clock = new FakeTimeProvider();
        folder.Engine = folder.Engine with { SealAfterRows = 60, Time = clock };
        await folder.CreateAnyAsync(Options(IndexKind.Hnsw, 3));
        var random = new Random(83);
        var model = new Dictionary<string, (float[] Vector, int Number)>();
        for (var operation = 0; operation < 1500; operation++)
        {
            var collection = folder.Any!;
            switch (random.Next(100))
            {
                case < 45:
                    var rows = Enumerable.Range(0, 1 + random.Next(9))
                        .Select(_ => (Id: $"id{random.Next(300)}", Vector: Rows.Vector(random, Dimensions),
                            Number: random.Next(50)))
                        .ToList();
                    rows.ForEach(row => model[row.Id] = (row.Vector, row.Number));
                    await collection.UpsertAsync(
                        [.. rows.Select(row => Rows.Row(row.Id, row.Vector, $"{{\"n\":{row.Number}}}"))],
                        CancellationToken.None);
                    break;
                case < 55:
                    var ids = Enumerable.Range(0, 6).Select(_ => $"id{random.Next(300)}").Distinct().ToList();
                    Assert.Equal(
                        ids.Count(model.Remove),
                        await collection.DeleteAsync([.. ids.Select(id => new VectorId(id))], CancellationToken.None));
                    break;
                case < 57:
                    var number = random.Next(50);
                    var gone = model.Where(row => row.Value.Number == number).Select(row => row.Key).ToList();
                    gone.ForEach(id => model.Remove(id));
                    Assert.Equal(gone.Count, await collection.DeleteAsync(
                        Rows.Filter($"{{\"n\":{number}}}"), CancellationToken.None));
                    break;
                case 57:
                    await collection.BuildIndexAsync(null, CancellationToken.None);
                    break;
                case 58:
                    await collection.CompactAsync(null, CancellationToken.None);
                    break;
                case 59:
                    await folder.ReopenAnyAsync();
                    Assert.Empty(folder.Any!.Describe().RecoveryNotes);
                    break;
                default:
                    Check(collection, model, Rows.Vector(random, Dimensions));
                    break;
            }
        }
    }

    [Fact]
    public async Task A_call_is_seen_in_all_shards_at_once()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAnyAsync(Options(IndexKind.Flat, 4));
        await WriteVersionAsync(collection, 0);
        using var stop = new CancellationTokenSource();
        var writer = Task.Run(async () =>
        {
            for (var version = 1; version <= 150; version++)
                await WriteVersionAsync(collection, version);
            await stop.CancelAsync();
        });
        do
        {
            var rows = collection.Scroll(new ScrollRequest(100) { IncludeMetadata = true }).Rows;
            Assert.Equal(40, rows.Count);
            Assert.Single(rows.Select(row => Encoding.UTF8.GetString(row.MetadataJson.Span)).Distinct());
            Assert.Single(collection.Search(
                    new SearchRequest(new float[Dimensions], 100) { IncludeMetadata = true }).Hits
                .Select(hit => Encoding.UTF8.GetString(hit.MetadataJson.Span)).Distinct());
        }
        while (!stop.IsCancellationRequested);

        await writer;
    }

    [Fact]
    public async Task Many_calls_at_once_are_all_written()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAnyAsync(Options(IndexKind.Flat, 3));
        await Task.WhenAll(Enumerable.Range(0, 60).Select(call => Task.Run(() => collection.UpsertAsync(
            [.. Enumerable.Range(0, 20).Select(i => Rows.Row($"c{call}-{i}", [.. Enumerable.Repeat(i, Dimensions)]))],
            CancellationToken.None))));

        Assert.Equal(1200, collection.Count());
        Assert.Equal(1200, (await folder.ReopenAnyAsync()).Count());
    }

    [Fact]
    public async Task Changed_parameters_and_a_time_to_live_hold_in_all_shards()
    {
        await using var folder = new EngineFolder();
        var clock = new FakeTimeProvider();
        folder.Engine = folder.Engine with { Time = clock };
        var collection = await folder.CreateAnyAsync(Options(IndexKind.Hnsw, 3));
        await collection.ReconfigureAsync(77, null, TimeSpan.FromMinutes(1), CancellationToken.None);
        collection = await folder.ReopenAnyAsync();
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(84, 50, Dimensions)));

        Assert.Equal(77, collection.Describe().Options.Hnsw.EfSearch);
        Assert.Equal(50, collection.Count());
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, collection.Count());
    }

    [Fact]
    public async Task A_builds_progress_rises_over_all_shards_to_one()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAnyAsync(Options(IndexKind.Hnsw, 3));
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(85, 3000, Dimensions)));
        var told = new List<double>();

        await collection.BuildIndexAsync(new Listener(told), CancellationToken.None);

        Assert.Equal(told.Order(), told);
        Assert.Equal(1, told[^1]);
        Assert.Contains(told, share => share is > 0.4 and < 0.9);
        Assert.Equal(3000, collection.Describe().IndexedRows);
    }

    [Fact]
    public async Task What_a_number_of_shards_can_not_be_is_refused_by_name()
    {
        await using var folder = new EngineFolder();
        foreach (var shards in new[] { 0, -1, Limits.ShardsMax + 1 })
        {
            var error = await Assert.ThrowsAsync<VectorInputException>(
                () => folder.CreateAnyAsync(Options(IndexKind.Flat, shards)));
            Assert.StartsWith("shards:", error.Message);
        }

        Assert.StartsWith("shards:", (await Assert.ThrowsAsync<VectorInputException>(
            () => folder.CreateAsync(Options(IndexKind.Flat, 2)))).Message);
        await folder.CreateAnyAsync(Options(IndexKind.Flat, 2));
        await Assert.ThrowsAsync<IOException>(() => VectorCollections.OpenAsync(
            folder.Path, folder.Engine, CancellationToken.None));
    }

    [Fact]
    public void A_failure_in_one_piece_is_told_after_all_pieces_are_done()
    {
        var done = 0;
        var threads = new SearchThreads(4);

        Assert.Throws<TimeoutException>(() => threads.Run(50, piece =>
        {
            Interlocked.Increment(ref done);
            if (piece == 17)
                throw new TimeoutException();
        }));

        Assert.Equal(50, done);
    }

    private static void Check(
        IVectorCollection collection, Dictionary<string, (float[] Vector, int Number)> model, float[] query)
    {
        Assert.Equal(model.Count, collection.Count());
        var exact = collection.Search(new SearchRequest(query, 12) { Exact = true, Offset = 3 });
        var expected = model
            .OrderBy(row => Rows.Distance(DistanceMetric.L2, query, row.Value.Vector)).Skip(3).Take(12);
        Assert.Equal(expected.Select(row => row.Key), exact.Ids());
        Assert.Equal(
            Math.Min(9, model.Count), collection.Search(new SearchRequest(query, 9) { EfSearch = 10 }).Hits.Count);
    }

    private static Task WriteVersionAsync(IVectorCollection collection, int version) => collection.UpsertAsync(
        [.. Enumerable.Range(0, 40).Select(i => Rows.Row($"id{i}", new float[Dimensions], $"{{\"v\":{version}}}"))],
        CancellationToken.None);

    private static List<string> ScrollAll(IVectorCollection collection, MetadataFilter filter)
    {
        var seen = new List<string>();
        var page = collection.Scroll(new ScrollRequest(37) { Filter = filter });
        while (true)
        {
            seen.AddRange(page.Rows.Select(row => row.Id.Text));
            if (page.NextCursor is null)
                break;
            page = collection.Scroll(new ScrollRequest(37) { Cursor = page.NextCursor });
        }

        Assert.Equal(page.Total, seen.Count);
        seen.Sort(StringComparer.Ordinal);
        return seen;
    }

    private static List<string> Batch(IVectorCollection collection, float[][] queries, SearchRequest request)
    {
        var answers = new string[queries.Length];
        collection.SearchAll(
            [.. queries.Select(query => (ReadOnlyMemory<float>)query)], request, 2,
            (query, matches) => answers[query] = Shown(AnswerWriter.Write(matches, request)), CancellationToken.None);
        return [.. answers];
    }

    private static string Shown(SearchAnswer answer) => string.Join('\n', answer.Hits.Select(Shown));

    private static string Shown(GroupedAnswer answer) => string.Join('\n', answer.Groups.Select(group =>
        $"{Encoding.UTF8.GetString(group.ValueJson.Span)}: {string.Join(' ', group.Hits.Select(Shown))}"));

    private static string Shown(SearchHit hit) =>
        $"{hit.Id} {hit.Distance} {hit.Score} {Encoding.UTF8.GetString(hit.MetadataJson.Span)} {hit.Vector.Length}";

    private static async Task<IVectorCollection> FilledAsync(EngineFolder folder, int shards)
    {
        var collection = await folder.CreateAnyAsync(Options(IndexKind.Flat, shards));
        var vectors = Rows.Clustered(81, 1000, Dimensions, 6);
        for (var i = 0; i < 60; i++)
            vectors[i * 7] = vectors[i % 4];
        await collection.UpsertAllAsync(Rows.Numbered(vectors, i => $"{{\"n\":{i},\"g\":\"g{i % 9}\"}}"));
        await collection.DeleteAsync(
            [.. Enumerable.Range(0, 90).Select(i => new VectorId($"r{i * 11:D6}"))], CancellationToken.None);
        return collection;
    }

    private static VectorCollectionOptions Options(IndexKind kind, int shards) => new()
    {
        Dimensions = Dimensions,
        Metric = DistanceMetric.L2,
        Index = kind,
        Shards = shards,
        Hnsw = new HnswOptions { EfConstruction = 40 },
    };

    private sealed class Listener(List<double> told) : IProgress<double>
    {
        public void Report(double value) => told.Add(value);
    }
}
