using System.Text;

namespace Taishang.VectorEngine.Tests;

public sealed class RowRulesTests
{
    private static readonly VectorCollectionOptions Options = new() { Dimensions = 3 };

    public static TheoryData<VectorInputError, float[], string> BadVectors => new()
    {
        { VectorInputError.DimensionMismatch, [1, 2], "row 1: expected 3 dimensions, got 2" },
        { VectorInputError.DimensionMismatch, [], "row 1: expected 3 dimensions, got 0" },
        { VectorInputError.NotFinite, [1, float.NaN, 0], "row 1: component 1 is NaN" },
        { VectorInputError.NotFinite, [1, 0, float.PositiveInfinity], "row 1: component 2 is" },
        { VectorInputError.NotFinite, [1, (float)1e40, 0], "row 1: component 1 is" },
        { VectorInputError.NotFinite, [float.NegativeInfinity, 0, 0], "row 1: component 0 is" },
        { VectorInputError.NotFinite, [float.MaxValue, 0, 0], "row 1: the vector is" },
        { VectorInputError.ZeroVector, [0, 0, 0], "row 1: a zero vector" },
        { VectorInputError.ZeroVector, [-0f, 0, float.Epsilon], "row 1: the vector is" },
    };

    [Theory]
    [MemberData(nameof(BadVectors))]
    public async Task A_bad_vector_is_refused_by_row_and_nothing_is_written(
        VectorInputError kind, float[] vector, string message)
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);

        var refused = await Assert.ThrowsAsync<VectorInputException>(() => collection.UpsertAsync(
            [Rows.Row("good", [1, 2, 3]), Rows.Row("bad", vector)], CancellationToken.None));

        Assert.Equal(kind, refused.Kind);
        Assert.Equal(1, refused.Row);
        Assert.StartsWith(message, refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, collection.Count());
        var request = new SearchRequest(vector, 1);
        var query = Assert.Throws<VectorInputException>(() => collection.Search(request));
        Assert.Equal((kind, null), (query.Kind, query.Row));
        var grouped = Assert.Throws<VectorInputException>(() => collection.SearchGroups(request, new GroupBy("g", 1)));
        Assert.Equal((kind, null), (grouped.Kind, grouped.Row));
        var batch = Assert.Throws<VectorInputException>(() => collection.SearchAll(
            [new float[] { 1, 2, 3 }, vector], request, 1, (_, _) => { }, CancellationToken.None));
        Assert.Equal((kind, 1), (batch.Kind, batch.Row));
        Assert.Equal(1, await collection.UpsertAsync([Rows.Row("good", [1, 2, 3])], CancellationToken.None));
        Assert.Equal(1, (await folder.ReopenAsync()).Count());
    }

    [Fact]
    public async Task A_zero_vector_is_a_place_under_l2_and_dot()
    {
        foreach (var metric in new[] { DistanceMetric.L2, DistanceMetric.Dot })
        {
            await using var folder = new EngineFolder();
            var collection = await folder.CreateAsync(Options with { Metric = metric });
            await collection.UpsertAsync([Rows.Row("zero", new float[3])], CancellationToken.None);
            Assert.Equal(0, collection.Search(new SearchRequest(new float[3], 1)).Hits[0].Distance);
        }
    }

    [Fact]
    public async Task Very_long_and_very_short_vectors_keep_their_order()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options with { Metric = DistanceMetric.Cosine });
        await collection.UpsertAsync(
            [Rows.Row("long", [4e18f, 1e18f, 0]), Rows.Row("short", [4e-15f, 2e-15f, 0]), Rows.Row("one", [4, 3, 0])],
            CancellationToken.None);

        foreach (var query in new[] { new float[] { 1, 0, 0 }, [5e18f, 0, 0], [2e-15f, 0, 0] })
        {
            var hits = collection.Search(new SearchRequest(query, 3)).Hits;
            Assert.Equal(["long", "short", "one"], hits.Select(hit => hit.Id.Text));
            Assert.Equal(0.8f, hits[2].Score, 1e-5f);
        }
    }

    [Fact]
    public async Task A_bad_id_is_refused()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        foreach (var text in new[] { "", "\ud800", "a\udc00b", new string('x', 129) })
        {
            var refused = await Assert.ThrowsAsync<VectorInputException>(
                () => collection.UpsertAsync([Rows.Row(text, [1, 2, 3])], CancellationToken.None));
            Assert.Equal(VectorInputError.BadId, refused.Kind);
        }

        var longest = Rows.Row(new string('道', 128), [1, 2, 3]);
        Assert.Equal(1, await collection.UpsertAsync([longest], CancellationToken.None));
        Assert.Equal(1, (await folder.ReopenAsync()).Count());
    }

    [Theory]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("{} {}")]
    [InlineData("{\"a\":1,}")]
    [InlineData("{\"a\":\"\\ud800\"}")]
    [InlineData("{\"\\udc00\":1}")]
    public async Task Bad_metadata_is_refused(string json)
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        byte[][] bad =
        [
            Encoding.UTF8.GetBytes(json),
            [(byte)'{', (byte)'"', 0xC0, 0x80, (byte)'"', (byte)':', (byte)'1', (byte)'}'],
            Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("{\"a\":", 40)) + "1" + new string('}', 40)),
            Encoding.UTF8.GetBytes("{\"a\":\"" + new string('x', Limits.MetadataBytesMax) + "\"}"),
        ];
        foreach (var bytes in bad)
        {
            var refused = await Assert.ThrowsAsync<VectorInputException>(() => collection.UpsertAsync(
                [new VectorRow(new VectorId("a"), new float[] { 1, 2, 3 }, bytes)], CancellationToken.None));
            Assert.Equal(VectorInputError.BadMetadata, refused.Kind);
            Assert.Equal(0, refused.Row);
        }
    }

    [Fact]
    public async Task Requests_and_options_out_of_range_are_refused()
    {
        await using var folder = new EngineFolder();
        foreach (var options in new[]
        {
            Options with { Dimensions = 0 }, Options with { Dimensions = 32_769 },
            Options with { Hnsw = new HnswOptions { Connectivity = 3 } },
            Options with { Hnsw = new HnswOptions { EfConstruction = 7 } },
            Options with { Hnsw = new HnswOptions { EfSearch = 0 } },
            Options with { TimeToLive = TimeSpan.Zero },
        })
        {
            var refused = await Assert.ThrowsAsync<VectorInputException>(() => folder.CreateAsync(options));
            Assert.Equal(VectorInputError.BadParameter, refused.Kind);
        }

        var collection = await folder.CreateAsync(Options);
        var request = new SearchRequest(new float[] { 1, 2, 3 }, 10);
        foreach (var bad in new[]
        {
            request with { TopK = 0 }, request with { TopK = 16_385 }, request with { Offset = -1 },
            request with { Offset = 16_385 }, request with { EfSearch = 0 }, request with { EfSearch = 16_385 },
        })
        {
            Assert.Equal(
                VectorInputError.BadParameter, Assert.Throws<VectorInputException>(() => collection.Search(bad)).Kind);
        }

        var many = Enumerable.Range(0, 10_001).Select(i => Rows.Row($"{i}", [1, 2, 3])).ToList();
        Assert.Equal(
            VectorInputError.TooManyRows,
            (await Assert.ThrowsAsync<VectorInputException>(
                () => collection.UpsertAsync(many, CancellationToken.None))).Kind);
        Assert.Equal(0, await collection.UpsertAsync([], CancellationToken.None));
    }
}
