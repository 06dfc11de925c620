using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Tests.Vectors;

/// <summary>What embedding tasks write, tell, and do when they are asked to stop.</summary>
public sealed class EmbeddingTaskTests
{
    private const string ThreeRows = """
        {"collection":"notes","rows":[{"id":1,"text":"a"},{"id":2,"text":"b"},{"id":3,"text":"c"}]}
        """;

    [Fact]
    public async Task Rows_are_written_with_their_metadata_and_time_to_live()
    {
        await using var world = await NotesAsync();
        var before = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

        await world.RunAsync("embedding", """
            {"collection":"notes",
             "rows":[{"id":1,"text":"a","metadata":{"k":1}},{"id":"x","text":"b","ttl_seconds":60}]}
            """);

        var rows = world.Worker.Ai.RequestsOf<UpsertVectorsRequest>().SelectMany(request => request.Rows).ToArray();
        Assert.Equal("""{"k":1}""", rows.Single(row => row.Id.Integer == 1).MetadataJson.ToStringUtf8());
        var mortal = rows.Single(row => row.Id.Text == "x");
        var after = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
        Assert.InRange(mortal.ExpiresAtMs, before + 60_000, after + 60_000);
        Assert.Equal(0, rows.Single(row => row.Id.Integer == 1).ExpiresAtMs);
    }

    [Fact]
    public async Task Each_batch_is_told_and_makes_the_collection_one_that_builds()
    {
        await using var world = await NotesAsync("HNSW");
        await world.RunAsync("index", """{"collection":"notes"}""");
        Assert.Equal("ready", await world.StatusAsync("notes"));
        var context = new FakeTaskContext();

        await world.RunAsync("embedding", ThreeRows, context);

        Assert.Equal([66, 100], context.Progress);
        Assert.Equal(["wrote 2 of 3 rows, 2 tokens", "wrote 3 of 3 rows, 3 tokens"], context.Logged);
        var listed = await world.Api.GetAsync("/api/taishang/vector_collections?status=building");
        Assert.Equal(1, listed["total"].GetInt32());
    }

    [Theory]
    [InlineData(ThreeRows, 2)]
    [InlineData("""{"texts":["a","b","c"],"model":"test-embed"}""", 2)]
    public async Task A_stop_lets_the_batch_end_and_the_next_attempt_goes_on_behind_it(string payload, int batch)
    {
        await using var world = await NotesAsync();
        var context = new FakeTaskContext { Stop = true };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.RunAsync("embedding", payload, context));
        Assert.Equal(batch, world.Worker.Ai.RequestsOf<ComputeEmbeddingRequest>().Sum(one => one.Texts.Count));
        // The last batch has nothing behind it: it is the end.
        await world.RunAsync("embedding", payload, context);

        Assert.Equal(3, world.Worker.Ai.RequestsOf<ComputeEmbeddingRequest>().Sum(one => one.Texts.Count));
    }

    [Fact]
    public async Task The_result_of_texts_says_the_model_and_nothing_of_the_way_there()
    {
        await using var world = await NotesAsync();

        var result = await world.RunAsync("embedding", """{"texts":["a","b","c"],"model":"test-embed"}""");

        Assert.Equal(
            ["embeddings_b64", "tokens", "model", "dims"], result.EnumerateObject().Select(field => field.Name));
        Assert.Equal("builtin/test-embed", result.GetProperty("model").GetString());
        Assert.Equal(3, result.GetProperty("embeddings_b64").GetArrayLength());
    }

    private static async Task<VectorWorld> NotesAsync(string index = "FLAT")
    {
        var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Vectors:EmbedBatchTexts"] = "2" });
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, index, "cosine", ""","model":"test-embed" """);
        return world;
    }
}
