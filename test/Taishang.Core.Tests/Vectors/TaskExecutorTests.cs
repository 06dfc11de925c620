using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Core.Vectors;
using Taishang.Executors;

namespace Taishang.Core.Tests.Vectors;

public sealed class TaskExecutorTests
{
    [Fact]
    public async Task An_embedding_task_writes_rows_and_embeds_nothing_twice_after_a_crash()
    {
        await using var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Vectors:EmbedBatchTexts"] = "2" });
        await NotesAsync(world);
        const string payload = """
            {"collection":"notes","rows":[{"id":1,"text":"a","metadata":{"k":1}},{"id":"2","text":"b"},
             {"id":3,"text":"c"},{"id":4,"text":"d","ttl_seconds":60},{"id":5,"text":"e"}]}
            """;
        var context = new FakeTaskContext
        {
            AfterCheckpoint = count =>
            {
                if (count == 2) throw new InvalidOperationException("crash");
            },
        };
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("embedding", payload, context));

        var result = await world.RunAsync("embedding", payload, context);

        Assert.Equal((5, 5L), (result.GetProperty("count").GetInt32(), result.GetProperty("tokens").GetInt64()));
        Assert.Equal(5, world.Worker.Ai.RequestsOf<ComputeEmbeddingRequest>().Sum(request => request.Texts.Count));
        Assert.Equal(5, (await world.Api.GetAsync("/api/taishang/vectors/count?collection=notes"))["count"].GetInt64());
        Assert.Equal(5, context.Tokens);
        Assert.Equal(100, context.Progress[^1]);
    }

    [Fact]
    public async Task Texts_get_ids_of_their_content_so_that_a_second_run_changes_nothing()
    {
        await using var world = await VectorWorld.StartAsync();
        await NotesAsync(world);

        await world.RunAsync("embedding", """{"collection":"notes","texts":["a","b"]}""");
        await world.RunAsync("embedding", """{"collection":"notes","texts":["b","a"]}""");

        Assert.Equal(2, (await world.Api.GetAsync("/api/taishang/vectors/count?collection=notes"))["count"].GetInt64());
    }

    [Fact]
    public async Task Without_a_collection_the_embeddings_are_the_result()
    {
        await using var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Vectors:EmbedBatchTexts"] = "1" });
        await world.RegisterModelAsync();

        var result = await world.RunAsync("embedding", """{"texts":["a","bb"],"model":"test-embed"}""");

        Assert.Equal(
            ("builtin/test-embed", 8),
            (result.GetProperty("model").GetString(), result.GetProperty("dims").GetInt32()));
        var bytes = Convert.FromBase64String(result.GetProperty("embeddings_b64")[1].GetString()!);
        Assert.Equal(2f, BitConverter.ToSingle(bytes, 2 * 4));
    }

    [Fact]
    public async Task A_failing_model_fails_the_task_by_its_code()
    {
        await using var world = await VectorWorld.StartAsync();
        await NotesAsync(world);
        world.Worker.Ai.On(AiCalls.ComputeEmbedding, _ => throw new ApiException(ErrorCodes.ModelUpstreamLimited));
        var limited = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("embedding", """{"collection":"notes","texts":["a"]}"""));
        world.Worker.Ai.On(AiCalls.ComputeEmbedding, _ => throw new ApiException(ErrorCodes.ModelInputInvalid));
        var invalid = await Assert.ThrowsAsync<TaskFailedException>(
            () => world.RunAsync("embedding", """{"collection":"notes","texts":["a"]}"""));

        Assert.True(limited.Retriable);
        Assert.StartsWith("model_upstream_limited", limited.Message, StringComparison.Ordinal);
        Assert.False(invalid.Retriable);
    }

    [Fact]
    public async Task An_evaluation_measures_the_index_against_the_exact_answer_and_the_judgements()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points", index: "HNSW");
        await world.UpsertAsync("points", """
            [{"id":1,"vector":[1,0]},{"id":2,"vector":[2,0]},{"id":3,"vector":[3,0]},{"id":4,"vector":[4,0]}]
            """);
        // An index that misses the nearest row of every query.
        world.Worker.Ai.On(AiCalls.SearchVectors, request =>
        {
            var response = new SearchVectorsResponse { EngineMicroseconds = 1500 };
            var order = request.Exact ? new long[] { 1, 2 } : [2, 3];
            var hits = new Hits();
            foreach (var id in order) hits.Hits_.Add(new Hit { Id = new RowId { Integer = id }, Distance = id });
            response.Answers.Add(hits);
            return response;
        });

        var result = await world.RunAsync("evaluation", """
            {"collection":"points","k":2,"queries":[{"vector":[0,0],"relevant":[3,9]},{"vector":[0,0]}]}
            """);

        Assert.Equal(0.5, result.GetProperty("index_recall").GetDouble());
        Assert.Equal((2, 1), (result.GetProperty("queries").GetInt32(), result.GetProperty("judged").GetInt32()));
        Assert.Equal(0.5, result.GetProperty("recall").GetDouble());
        Assert.Equal(0.5, result.GetProperty("mrr").GetDouble());
        var ideal = 1 + (1 / Math.Log2(3));
        Assert.Equal(1 / Math.Log2(3) / ideal, result.GetProperty("ndcg").GetDouble(), 9);
        Assert.Equal(1.5, result.GetProperty("engine_ms").GetProperty("p50").GetDouble());
    }

    [Fact]
    public async Task An_evaluation_by_text_goes_on_where_it_was()
    {
        await using var world = await VectorWorld.StartAsync();
        await NotesAsync(world);
        await world.UpsertAsync("notes", """[{"id":"x","text":"aaa"},{"id":"y","text":"bbb"}]""");
        var queries = string.Join(",", Enumerable.Repeat("""{"text":"a","relevant":{"x":2,"y":0}}""", 40));
        var payload = $$"""{"collection":"notes","queries":[{{queries}}]}""";
        var context = new FakeTaskContext
        {
            AfterCheckpoint = count =>
            {
                if (count == 1) throw new InvalidOperationException("crash");
            },
        };
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("evaluation", payload, context));

        var result = await world.RunAsync("evaluation", payload, context);

        Assert.Equal(40, result.GetProperty("queries").GetInt32());
        Assert.Equal(1, result.GetProperty("ndcg").GetDouble(), 9);
        Assert.Equal(1, result.GetProperty("mrr").GetDouble(), 9);
        Assert.Equal(80, world.Worker.Ai.RequestsOf<SearchVectorsRequest>().Count());
    }

    [Theory]
    [InlineData("""{}""", "payload")]
    [InlineData("""5""", "payload")]
    [InlineData("""{"texts":["a"],"rows":[]}""", "payload")]
    [InlineData("""{"rows":[{"id":1,"text":"a"}]}""", "payload.collection")]
    [InlineData("""{"collection":"c","rows":[]}""", "payload.rows")]
    [InlineData("""{"collection":"c","rows":[{"text":"a"}]}""", "payload.rows[0].id")]
    [InlineData("""{"collection":"c","rows":[{"id":1}]}""", "payload.rows[0].text")]
    [InlineData("""{"collection":"c","rows":[{"id":1.5,"text":"a"}]}""", "payload.rows[0].id")]
    [InlineData("""{"collection":"c","rows":[{"id":1,"text":"a","metadata":[]}]}""", "payload.rows[0].metadata")]
    [InlineData("""{"collection":"c","rows":[{"id":1,"text":"a","x":1}]}""", "payload.rows[0].x")]
    [InlineData("""{"collection":"c","rows":[7]}""", "payload.rows[0]")]
    [InlineData("""{"collection":"c","texts":["a"],"model":"m"}""", "payload.model")]
    [InlineData("""{"texts":[""]}""", "payload.texts[0]")]
    [InlineData("""{"texts":["a"],"batch":1}""", "payload.batch")]
    public void A_payload_of_an_embedding_is_checked(string payload, string field) =>
        AssertRefused(errors => EmbeddingPayload.Validate(JsonDocument.Parse(payload).RootElement, errors), field);

    [Theory]
    [InlineData("""{"queries":[{"text":"a"}]}""", "payload.collection")]
    [InlineData("""{"collection":"c"}""", "payload.queries")]
    [InlineData("""{"collection":"c","queries":[]}""", "payload.queries")]
    [InlineData("""{"collection":"c","queries":{}}""", "payload.queries")]
    [InlineData("""{"collection":"c","queries":[{}]}""", "payload.queries[0]")]
    [InlineData("""{"collection":"c","queries":[{"vector":[1,1e40]}]}""", "payload.queries[0].vector[1]")]
    [InlineData("""{"collection":"c","queries":[{"vector":[]}]}""", "payload.queries[0].vector")]
    [InlineData("""{"collection":"c","queries":[{"text":"a","relevant":5}]}""", "payload.queries[0].relevant")]
    [InlineData("""{"collection":"c","queries":[{"text":"a","relevant":{"x":-1}}]}""", "payload.queries[0].relevant")]
    [InlineData("""{"collection":"c","queries":[{"text":"a","relevant":{"x":101}}]}""", "payload.queries[0].relevant")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"other":1}""", "payload.other")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"k":0}""", "payload.k")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"ef":"9"}""", "payload.ef")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"ef":[]}""", "payload.ef")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"ef":[1,2,3,4,5,6,7,8,9]}""", "payload.ef")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"ef":[10,0]}""", "payload.ef[1]")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"ef":[10,10]}""", "payload.ef[1]")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"sample":5}""", "payload.sample")]
    [InlineData("""{"collection":"c","sample":0}""", "payload.sample")]
    [InlineData("""{"collection":"c","sample":1001}""", "payload.sample")]
    [InlineData("""{"collection":"c","sample":5,"seed":-1}""", "payload.seed")]
    [InlineData("""{"collection":"c","queries":[{"text":"a"}],"seed":1}""", "payload.seed")]
    public void A_payload_of_an_evaluation_is_checked(string payload, string field) =>
        AssertRefused(errors => EvaluationPayload.Validate(JsonDocument.Parse(payload).RootElement, errors), field);

    private static void AssertRefused(Action<PayloadErrors> validate, string field)
    {
        var errors = new PayloadErrors();
        validate(errors);
        Assert.Equal(field, errors.Errors[0].Field);
    }

    private static async Task NotesAsync(VectorWorld world)
    {
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
    }
}
