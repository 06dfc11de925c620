using System.Text;

namespace Taishang.VectorEngine.Tests;

/// <summary>Grouped searches against a plain loop.</summary>
public sealed class GroupTests
{
    private const int Dimensions = 12;

    [Theory]
    [InlineData(IndexKind.Hnsw, 40, 3, 5)]
    [InlineData(IndexKind.Hnsw, 2000, 1, 10)]
    [InlineData(IndexKind.Hnsw, 6, 50, 10)]
    [InlineData(IndexKind.Flat, 40, 4, 8)]
    public async Task Groups_match_a_plain_loop_while_rows_change(IndexKind kind, int groupCount, int size, int topK)
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder, kind);
        var random = new Random(61);
        var model = new Dictionary<string, (float[] Vector, int Group)>();
        for (var round = 0; round < 4; round++)
        {
            var rows = new List<VectorRow>();
            foreach (var vector in Rows.Clustered(62 + round, 600, Dimensions, 8))
            {
                var id = $"id{random.Next(1200)}";
                // A quarter of the rows near each other share one group, the others are spread.
                var group = random.Next(4) == 0 ? 0 : random.Next(groupCount);
                model[id] = (vector, group);
                rows.Add(Rows.Row(id, vector, $"{{\"g\":\"g{group}\"}}"));
            }

            await collection.UpsertAsync(rows, CancellationToken.None);
            var gone = model.Keys.Take(100).ToList();
            gone.ForEach(id => model.Remove(id));
            await collection.DeleteAsync([.. gone.Select(id => new VectorId(id))], CancellationToken.None);
            if (round % 2 == 1)
                await collection.BuildIndexAsync(null, CancellationToken.None);

            var query = Rows.Vector(random, Dimensions);
            var request = new SearchRequest(query, topK) { EfSearch = 200, Exact = round % 2 == 0 };
            var answer = collection.SearchGroups(request, new GroupBy("g", size));
            Assert.Equal(Math.Min(topK, model.Values.Select(row => row.Group).Distinct().Count()), answer.Groups.Count);
            if (request.Exact)
                Assert.Equal(Expected(model, query, topK, size), Shown(answer));
        }
    }

    [Fact]
    public async Task As_many_groups_come_as_exist_when_one_group_owns_all_that_is_near()
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder, IndexKind.Hnsw);
        var rows = Rows.Numbered(Rows.Clustered(63, 3000, Dimensions, 1), _ => "{\"g\":\"near\"}");
        var far = Enumerable.Range(0, 9)
            .Select(i => Rows.Row($"far{i}", [.. Enumerable.Repeat(100f + i, Dimensions)], $"{{\"g\":{i}.0}}"));
        rows.AddRange(far);
        await collection.UpsertAllAsync(rows);
        await collection.BuildIndexAsync(null, CancellationToken.None);

        var request = new SearchRequest(rows[0].Vector, 10) { EfSearch = 20 };
        var answer = collection.SearchGroups(request, new GroupBy("g", 2));

        Assert.Equal(
            ["\"near\"", .. Enumerable.Range(0, 9).Select(i => $"{i}")],
            answer.Groups.Select(group => Encoding.UTF8.GetString(group.ValueJson.Span)));
        Assert.Equal(2, answer.Groups[0].Hits.Count);
        Assert.All(answer.Groups.Skip(1), group => Assert.Single(group.Hits));
    }

    [Fact]
    public async Task Values_are_grouped_by_their_kind_and_rows_without_one_left_out()
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder, IndexKind.Flat);
        string[] metadata =
        [
            "{\"g\":1}", "{\"g\":1.0}", "{\"g\":\"1\"}", "{\"g\":true}", "{\"g\":false}", "{\"g\":1.5}",
            "{\"g\":null}", "{\"g\":[1]}", "{\"g\":{\"h\":1}}", "{\"h\":1}", "",
        ];
        await collection.UpsertAllAsync(Rows.Numbered(
            [.. metadata.Select((_, i) => Enumerable.Repeat((float)i, Dimensions).ToArray())], i => metadata[i]));
        var request = new SearchRequest(new float[Dimensions], 20);

        var answer = collection.SearchGroups(request, new GroupBy("g", 5));

        Assert.Equal(
            ["1: r000000 r000001", "\"1\": r000002", "true: r000003", "false: r000004", "1.5: r000005"],
            Shown(answer));
        var kept = collection.SearchGroups(
            request with { ScoreThreshold = answer.Groups[1].Hits[0].Score }, new GroupBy("g", 5));
        Assert.Equal(["1: r000000 r000001", "\"1\": r000002"], Shown(kept));
        Assert.Empty(collection.SearchGroups(
            request with { Filter = Rows.Filter("{\"nothing\":1}") }, new GroupBy("g", 5)).Groups);
    }

    [Theory]
    [InlineData("", 1, 1, 0, "group_by")]
    [InlineData("g", 0, 1, 0, "group_size")]
    [InlineData("g", 1001, 1, 0, "group_size")]
    [InlineData("g", 1000, 17, 0, "top_k × group_size")]
    [InlineData("g", 1, 1, 5, "offset")]
    public async Task What_groups_can_not_be_asked_for_is_refused_by_name(
        string field, int size, int topK, int offset, string named)
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder, IndexKind.Flat);
        var request = new SearchRequest(new float[Dimensions], topK) { Offset = offset };

        var error = Assert.Throws<VectorInputException>(
            () => collection.SearchGroups(request, new GroupBy(field, size)));

        Assert.StartsWith(named + ":", error.Message);
    }

    private static List<string> Expected(
        Dictionary<string, (float[] Vector, int Group)> model, float[] query, int topK, int size) =>
    [
        .. model
            .Select(row => (row.Key, row.Value.Group,
                Distance: Rows.Distance(DistanceMetric.L2, query, row.Value.Vector)))
            .GroupBy(row => row.Group)
            .Select(group => group.OrderBy(row => row.Distance).Take(size).ToList())
            .OrderBy(group => group[0].Distance)
            .Take(topK)
            .Select(group => $"\"g{group[0].Group}\": {string.Join(' ', group.Select(row => row.Key))}"),
    ];

    private static List<string> Shown(GroupedAnswer answer) =>
    [
        .. answer.Groups.Select(group => Encoding.UTF8.GetString(group.ValueJson.Span) + ": "
            + string.Join(' ', group.Hits.Select(hit => hit.Id.Text))),
    ];

    private static Task<VectorCollection> CreateAsync(EngineFolder folder, IndexKind kind) =>
        folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
        });
}
