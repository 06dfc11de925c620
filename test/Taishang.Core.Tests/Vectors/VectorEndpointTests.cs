using System.Globalization;
using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Vectors;

public sealed class VectorEndpointTests
{
    private const string Root = "/api/taishang/vectors";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Rows_that_were_written_are_found_read_counted_and_deleted(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var id = await world.CreateAsync("points");

        var written = await world.UpsertAsync("points", """
            [{"id":"a","vector":[0,0],"metadata":{"colour":"red","n":{"x":1.50}}},
             {"id":7,"vector_b64":"AACAPwAAAEA="},{"id":"c","vector":[9,9]}]
            """);
        var found = await world.Api.PostAsync(
            $"{Root}/search", $$"""{"collection":"{{id}}","vector":[0,0],"top_k":2,"include":["metadata","vector"]}""");
        var read = await world.Api.PostAsync($"{Root}/get", """{"collection":"points","ids":["7",7,"nothing","a"]}""");
        var counted = await world.Api.GetAsync($"{Root}/count?collection=points");
        var deleted = await world.Api.PostAsync($"{Root}/delete", """{"collection":"points","ids":[7,"nothing"]}""");

        Assert.Equal(3, written["count"].GetInt32());
        Assert.Equal(
            """{"results":[{"id":"a","score":1,"distance":0,"metadata":{"colour":"red","n":{"x":1.50}},"""
            + "\"vector\":[0,0]},"
            + """{"id":7,"score":0.309017,"distance":2.236068,"vector":[1,2]}],"total":2}""",
            found.Data.GetRawText());
        Assert.Equal("engine;dur=0.012", found.Headers.GetValues("Server-Timing").Single());
        Assert.Equal(3, read["vectors"].GetArrayLength());
        Assert.Equal("""{"id":7,"vector":[1,2]}""", read["vectors"][0].GetRawText());
        Assert.Equal("red", read["vectors"][2].GetProperty("metadata").GetProperty("colour").GetString());
        Assert.Equal(3, counted["count"].GetInt64());
        Assert.Equal(1, deleted["count"].GetInt32());
        Assert.Equal(2, (await world.Api.GetAsync($"{Root}/count?collection={id}"))["count"].GetInt64());
    }

    [Fact]
    public async Task A_batch_answers_each_query_in_order()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        await world.UpsertAsync("points", """[{"id":"a","vector":[0,0]},{"id":"b","vector":[5,5]}]""");

        var answer = await world.Api.PostAsync(
            $"{Root}/search", """{"collection":"points","vectors":[[5,5],[0,0]],"top_k":1}""");

        Assert.Equal("b", answer["results"][0].GetProperty("id").GetString());
        Assert.Equal(1, answer["total"].GetInt32());
        Assert.Equal(["b", "a"], answer["batches"].EnumerateArray()
            .Select(batch => batch.GetProperty("results")[0].GetProperty("id").GetString()));
    }

    [Fact]
    public async Task Text_becomes_vectors_by_the_collections_model_in_bounded_calls()
    {
        await using var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Vectors:EmbedBatchTexts"] = "2" });
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);

        await world.UpsertAsync("notes", """
            [{"id":1,"text":"aaa"},{"id":2,"vector":[1,2,3,4,5,6,7,8]},{"id":3,"text":"bbb"},{"id":4,"text":"abc"}]
            """);
        var answer = await world.Api.PostAsync($"{Root}/search", """{"collection":"notes","text":"bb","top_k":1}""");

        Assert.Equal(3, answer["results"][0].GetProperty("id").GetInt32());
        Assert.Equal([2, 1, 1], world.Worker.Ai.RequestsOf<ComputeEmbeddingRequest>().Select(r => r.Texts.Count));
        var shown = await world.Api.GetAsync("/api/taishang/vector_collections/notes");
        Assert.Equal(("builtin/test-embed", 1), (shown.String("model"), shown["model_major"].GetInt32()));
    }

    [Fact]
    public async Task Text_needs_a_model_and_a_model_needs_its_dimensions()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.RegisterModelAsync();
        await world.CreateAsync("plain");

        var noModel =
            await world.Api.PostAsync($"{Root}/upsert", """{"collection":"plain","vectors":[{"id":1,"text":"t"}]}""");
        var search = await world.Api.PostAsync($"{Root}/search", """{"collection":"plain","text":"t"}""");
        var misfit = await world.Api.PostAsync("/api/taishang/vector_collections",
            """{"name":"misfit","dims":3,"index_type":"FLAT","model":"builtin/test-embed"}""");

        Assert.Equal((HttpStatusCode.UnprocessableEntity, 30007), (noModel.Status, noModel.Code));
        Assert.Equal(30007, search.Code);
        Assert.Equal((HttpStatusCode.UnprocessableEntity, 20010), (misfit.Status, misfit.Code));
        Assert.Equal("dims", misfit["errors"][0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task A_text_without_direction_is_refused_under_cosine_by_row()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
        world.Worker.Ai.On(AiCalls.ComputeEmbedding, request =>
        {
            var response = new ComputeEmbeddingResponse();
            foreach (var _ in request.Texts) response.Embeddings.Add(new Embedding { Values = { new float[8] } });
            return response;
        });

        var answer = await world.Api.PostAsync(
            $"{Root}/upsert",
            """{"collection":"notes","vectors":[{"id":1,"vector":[1,0,0,0,0,0,0,0]},{"id":2,"text":"!"}]}""");

        Assert.Equal(40003, answer.Code);
        Assert.Equal("vectors[1].text", answer["errors"][0].GetProperty("field").GetString());
        Assert.Equal(0, (await world.Api.GetAsync($"{Root}/count?collection=notes"))["count"].GetInt64());
    }

    [Fact]
    public async Task Embed_gives_one_or_many_and_names_its_model()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.RegisterModelAsync();

        var one = await world.Api.PostAsync($"{Root}/embed", """{"text":"aab","model":"test-embed"}""");
        var many = await world.Api.PostAsync($"{Root}/embed", """{"texts":["a","b"],"model":"builtin/test-embed"}""");

        Assert.Equal(
            """{"embedding":[0,2,1,0,0,0,0,0],"model":"builtin/test-embed","version":"1.0.0","dims":8,"usage":"""
            + """{"tokens":1},"served":{"target":"builtin/test-embed","model":"builtin/test-embed","version":"1.0.0","""
            + "\"tries\":1,\"fallback\":false,\"cached\":false}}",
            one.Data.GetRawText());
        Assert.Equal(2, many["embeddings"].GetArrayLength());
        Assert.Equal(many["embeddings"][0].GetRawText(), many["embedding"].GetRawText());
        Assert.Equal(20001, (await world.Api.PostAsync($"{Root}/embed", """{"text":"a","model":"none"}""")).Code);
    }

    [Fact]
    public async Task A_deprecated_model_says_so_and_a_retired_one_is_refused()
    {
        await using var world = await VectorWorld.StartAsync();
        var model = await world.RegisterModelAsync();
        var deprecated = await world.Api.PostAsync(
            $"/api/taishang/models/{model}/deprecate", """{"retire_at":"2099-01-01T00:00:00Z"}""");
        Assert.True(deprecated.Code == 0, deprecated.ToString());

        var answer = await world.Api.PostAsync($"{Root}/embed", """{"text":"a","model":"test-embed"}""");

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.StartsWith("@", answer.Headers.GetValues("Deprecation").Single(), StringComparison.Ordinal);
        Assert.Equal("Thu, 01 Jan 2099 00:00:00 GMT", answer.Headers.GetValues("Sunset").Single());
    }

    [Theory]
    [InlineData(
        "upsert", """{"collection":"points","vectors":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1]}]}""", 40001,
        "vectors[1].vector")]
    [InlineData(
        "upsert", """{"collection":"points","vectors":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1,1e40]}]}""", 40002,
        "vectors[1].vector[1]")]
    [InlineData(
        "upsert", """{"collection":"points","vectors":[{"id":1,"vector":[1,2]},{"id":2,"vector":[0,0]}]}""", 40003,
        "vectors[1].vector")]
    [InlineData("upsert", """{"collection":"points","vectors":[]}""", 10001, "vectors")]
    [InlineData("upsert", """{"collection":"points"}""", 10005, "vectors")]
    [InlineData("upsert", """{"collection":"other","vectors":[{"id":1,"vector":[1,2]}]}""", 30001, null)]
    [InlineData("search", """{"collection":"points","vector":[1]}""", 40001, "vector")]
    [InlineData("search", """{"collection":"points","vector":[0,0]}""", 40003, "vector")]
    [InlineData("search", """{"collection":"points","vectors":[[1,2],[1,2,3]]}""", 40001, "vectors[1]")]
    [InlineData("search", """{"collection":"a b","vector":[1,2]}""", 30001, null)]
    [InlineData("delete", """{"collection":"points"}""", 10005, "ids")]
    [InlineData("delete", """{"collection":"points","ids":[1],"filter":{"a":1}}""", 10001, "ids")]
    [InlineData("delete", """{"collection":"points","filter":{}}""", 40004, "filter")]
    [InlineData("delete", """{"collection":"points","ids":[1.5]}""", 40005, "ids[0]")]
    [InlineData("get", """{"collection":"points","ids":[]}""", 10001, "ids")]
    [InlineData("get", """{"collection":"points","ids":[{}]}""", 10004, "ids[0]")]
    [InlineData("get", """{"collection":"points","ids":[1],"filter":{}}""", 10003, "filter")]
    [InlineData("embed", """{}""", 10005, "text")]
    [InlineData("embed", """{"text":"a","texts":["b"]}""", 10001, "text")]
    [InlineData("embed", """{"texts":[]}""", 10001, "texts")]
    [InlineData("embed", """{"texts":["a",5]}""", 10004, "texts[1]")]
    [InlineData("embed", """{"text":"","model":5}""", 10001, "text")]
    public async Task Bad_input_is_named_by_field_and_row_and_nothing_is_written(
        string verb, string body, int code, string? field)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points", metric: "cosine");

        var answer = await world.Api.PostAsync($"{Root}/{verb}", body);

        Assert.True(code == answer.Code, answer.ToString());
        Assert.Equal(ErrorCodes.ByNumber[code].HttpStatus, (int)answer.Status);
        if (field is not null)
        {
            Assert.Equal(field, answer["errors"][0].GetProperty("field").GetString());
            Assert.Contains(field, answer.Message, StringComparison.Ordinal);
        }

        Assert.Equal(0, (await world.Api.GetAsync($"{Root}/count?collection=points"))["count"].GetInt64());
    }

    [Theory]
    [InlineData("upsert")]
    [InlineData("search")]
    [InlineData("delete")]
    [InlineData("get")]
    [InlineData("embed")]
    public async Task Every_route_takes_an_object_of_JSON_in_UTF8_and_nothing_else(string verb)
    {
        await using var world = await VectorWorld.StartAsync();
        var path = $"{Root}/{verb}";
        byte[] notUtf8 = [.. "{\"collection\":\""u8, 0xff, 0xfe, .. "\"}"u8];
        var deep = string.Concat(Enumerable.Repeat("""{"filter":""", 60)) + "1" + new string('}', 60);

        Assert.Equal(10002, (await world.Api.PostBytesAsync(path, notUtf8)).Code);
        Assert.Equal(10002, (await world.Api.PostAsync(path, "{")).Code);
        Assert.Equal(10002, (await world.Api.PostAsync(path, "")).Code);
        Assert.Equal(10004, (await world.Api.PostAsync(path, "[]")).Code);
        Assert.Equal(10004, (await world.Api.PostAsync(path, "null")).Code);
        Assert.Equal(10006, (await world.Api.PostAsync(path, deep)).Code);
        Assert.Equal(10010, (await world.Api.PostBytesAsync(path, "{}"u8.ToArray(), "text/plain")).Code);
        Assert.Equal(
            10003,
            (await world.Api.PostAsync(path, """{"unheard_of":1}"""))["errors"][0].GetProperty("code").GetInt32());
        Assert.Equal(10009, (await world.Api.GetAsync(path)).Code);
    }

    [Fact]
    public async Task A_body_above_the_limit_and_too_many_rows_are_413()
    {
        await using var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Api:BodyBytesMax"] = "1000000" });
        await world.CreateAsync("points");
        var ids = string.Join(",", Enumerable.Range(0, 10_001));
        var large = $$"""{"collection":"points","vectors":[{"id":1,"vector":[1,{{new string(' ', 1_000_000)}}2]}]}""";

        var tooLarge = await world.Api.PostAsync($"{Root}/upsert", large);
        var tooMany = await world.Api.PostAsync($"{Root}/get", $$"""{"collection":"points","ids":[{{ids}}]}""");

        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 10011), (tooLarge.Status, tooLarge.Code));
        Assert.Equal((HttpStatusCode.RequestEntityTooLarge, 40007), (tooMany.Status, tooMany.Code));
    }

    [Theory]
    [InlineData("", 10005)]
    [InlineData("?collection=", 10001)]
    [InlineData("?collection=a&collection=b", 10001)]
    [InlineData("?collection=points&page=1", 10003)]
    [InlineData("?collection=nothing", 30001)]
    public async Task A_count_of_nothing_known_is_an_error(string query, int code)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");

        Assert.Equal(code, (await world.Api.GetAsync($"{Root}/count{query}")).Code);
    }

    [Theory]
    [InlineData(90001, 503)]
    [InlineData(90002, 504)]
    [InlineData(90003, 502)]
    [InlineData(30006, 500)]
    [InlineData(10014, 503)]
    public async Task An_error_of_the_worker_is_never_an_empty_result(int code, int status)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        world.Worker.Ai.On(AiCalls.SearchVectors, _ => throw new ApiException(ErrorCodes.ByNumber[code]));
        world.Worker.Ai.On(AiCalls.UpsertVectors, _ => throw new ApiException(ErrorCodes.ByNumber[code]));

        var search = await world.Api.PostAsync($"{Root}/search", """{"collection":"points","vector":[1,2]}""");
        var upsert = await world.Api.PostAsync(
            $"{Root}/upsert", """{"collection":"points","vectors":[{"id":1,"vector":[1,2]}]}""");

        Assert.Equal((status, code), ((int)search.Status, search.Code));
        Assert.Equal((status, code), ((int)upsert.Status, upsert.Code));
    }

    [Fact]
    public async Task A_worker_that_answers_fewer_queries_than_asked_has_failed()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        world.Worker.Ai.On(AiCalls.SearchVectors, _ => new SearchVectorsResponse());

        var answer = await world.Api.PostAsync($"{Root}/search", """{"collection":"points","vector":[1,2]}""");

        Assert.Equal((HttpStatusCode.BadGateway, 90003), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Fields_of_the_workers_message_are_told_as_those_of_the_body()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("points");
        world.Worker.Ai.On(AiCalls.UpsertVectors, _ => throw new ApiException(
            ErrorCodes.MetadataInvalid, "rows[3].metadata: too deep",
                [new FieldError("rows[3].metadata", 40006, "too deep")]));

        var answer = await world.Api.PostAsync(
            $"{Root}/upsert", """{"collection":"points","vectors":[{"id":1,"vector":[1,2]}]}""");

        Assert.Equal("vectors[3].metadata", answer["errors"][0].GetProperty("field").GetString());
    }

    [Fact]
    public async Task A_search_asks_the_database_once_for_many()
    {
        await using var world = await VectorWorld.StartAsync(
            settings: new Dictionary<string, string> { ["Collections:LookupMilliseconds"] = "60000" });
        var id = await world.CreateAsync("points");
        var body = """{"collection":"points","vector":[1,2]}""";
        await world.Api.PostAsync($"{Root}/search", body);
        // Renamed behind the back of this process: what is kept still answers.
        await world.Get<Database>().WriteAsync(
            session => session.ExecuteAsync(
                "UPDATE tai_collection_names SET name = 'other' WHERE collection_id = @id", new { id }),
            CancellationToken.None);

        Assert.Equal(0, (await world.Api.PostAsync($"{Root}/search", body)).Code);
        await world.Api.PutAsync($"/api/taishang/vector_collections/{id}", """{"name":"third"}""");
        Assert.Equal(
            0, (await world.Api.PostAsync($"{Root}/search", """{"collection":"third","vector":[1,2]}""")).Code);
        await world.Api.DeleteAsync($"/api/taishang/vector_collections/{id}");
        Assert.Equal(
            30001, (await world.Api.PostAsync($"{Root}/search", """{"collection":"third","vector":[1,2]}""")).Code);
    }

    [Fact]
    public async Task Floats_arrive_bit_by_bit_in_both_forms()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("bits", dims: 64, metric: "dot");
        var random = new Random(20261122);
        var values =
            Enumerable.Range(0, 64).Select(
            _ => (float)((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-30, 30)))).ToArray();
        var text = string.Join(",", values.Select(value => value.ToString("R", CultureInfo.InvariantCulture)));
        var bytes = new byte[64 * 4];
        Buffer.BlockCopy(values, 0, bytes, 0, bytes.Length);

        await world.UpsertAsync(
            "bits", $$"""[{"id":1,"vector":[{{text}}]},{"id":2,"vector_b64":"{{Convert.ToBase64String(bytes)}}"}]""");
        var read = await world.Api.PostAsync($"{Root}/get", """{"collection":"bits","ids":[1,2]}""");

        foreach (var row in read["vectors"].EnumerateArray())
            Assert.Equal(values, row.GetProperty("vector").EnumerateArray().Select(value => value.GetSingle()));
    }
}
