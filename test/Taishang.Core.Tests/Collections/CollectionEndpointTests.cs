using System.Net;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Data;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Collections;

public sealed class CollectionEndpointTests
{
    private const string Root = "/api/taishang/vector_collections";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_created_collection_is_answered_found_by_name_and_id_and_listed(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);

        var created = await world.Api.PostAsync(Root, """
            {"name":"points","dims":4,"index_type":"HNSW","metric_type":"dot","params":{"m":8,"ef_search":50},
             "ttl_seconds":3600,"description":"点","engine":"auto","compression":"none","shards":3}
            """);

        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal("building", created.String("status"));
        Assert.Equal("embedded", created.String("engine"));
        Assert.Equal("""{"m":8,"ef_construction":200,"ef_search":50}""", created["params"].GetRawText());
        var byName = await world.Api.GetAsync($"{Root}/points");
        var byId = await world.Api.GetAsync($"{Root}/{created.String("id")}");
        Assert.Equal(byName.String("id"), byId.String("id"));
        Assert.Equal(0, byId["stats.rows"].GetInt64());
        Assert.Equal(created["created_at"].GetRawText(), byId["created_at"].GetRawText());
        var list = await world.Api.GetAsync(Root);
        Assert.Equal(1, list["total"].GetInt64());
        Assert.Equal("points", list["collections"][0].GetProperty("name").GetString());
        var spec = world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Single().Spec;
        Assert.Equal((3, 3), (spec.Shards, byId["shards"].GetInt32()));
        Assert.Equal(
            (4, Metric.Dot, 8, 50, 3600L), (spec.Dims, spec.Metric, spec.Connectivity, spec.EfSearch, spec.TtlSeconds));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Lists_of_an_ivf_collection_are_told_to_the_worker_and_only_the_probes_may_change(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var created = await world.Api.PostAsync(
            Root, """{"name":"points","dims":4,"index_type":"IVF_SQ8","params":{"nlist":100,"nprobe":7}}""");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal("""{"nlist":100,"nprobe":7}""", created["params"].GetRawText());
        var spec = world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Single().Spec;
        Assert.Equal((IndexType.IvfSq8, 100, 7, 0), (spec.IndexType, spec.Nlist, spec.Nprobe, spec.Connectivity));

        var changed = await world.Api.PutAsync($"{Root}/points", """{"params":{"nprobe":9}}""");
        Assert.Equal("""{"nlist":100,"nprobe":9}""", changed["params"].GetRawText());
        Assert.Equal(9, world.Worker.Ai.RequestsOf<UpdateCollectionRequest>().Single().Nprobe);
        var refused = await world.Api.PutAsync($"{Root}/points", """{"params":{"nlist":9}}""");
        Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_compression_is_told_to_the_worker_and_never_changes(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var created = await world.Api.PostAsync(
            Root,
            """{"name":"points","dims":4,"index_type":"FLAT","compression":"sq4","params":{"rerank":"none"}}""");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal("sq4", created.String("compression"));
        Assert.Equal("building", created.String("status"));
        Assert.Equal("""{"rerank":"none"}""", created["params"].GetRawText());
        var spec = world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Single().Spec;
        Assert.Equal((Compression.Sq4, Rerank.None), (spec.Compression, spec.Rerank));

        foreach (var change in new[] { """{"compression":"sq8"}""", """{"params":{"rerank":"float32"}}""" })
        {
            var refused = await world.Api.PutAsync($"{Root}/points", change);
            Assert.Equal(HttpStatusCode.UnprocessableEntity, refused.Status);
        }
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_collection_that_chooses_its_index_tells_what_it_chose_and_what_that_costs(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var created = await world.Api.PostAsync(
            Root, """{"name":"points","dims":4,"index_type":"AUTO","params":{"m":8}}""");
        Assert.Equal(HttpStatusCode.Created, created.Status);
        Assert.Equal("AUTO", created.String("index_type"));
        Assert.Equal("""{"m":8,"ef_construction":200,"ef_search":64}""", created["params"].GetRawText());

        var read = await world.Api.GetAsync($"{Root}/points");
        Assert.Equal(IndexType.Auto, world.Worker.Ai.RequestsOf<CreateCollectionRequest>().Single().Spec.IndexType);
        Assert.Equal("FLAT", read["stats.index.index_type"].GetString());
        Assert.Equal("few rows", read["stats.index.reason"].GetString());
        Assert.Equal(16, read["stats.index.bytes_per_vector"].GetInt64());
    }

    [Theory]
    [InlineData("""{"dims":2,"index_type":"FLAT"}""", 400, 10005, "name")]
    [InlineData("""{"name":"a","index_type":"FLAT"}""", 400, 10005, "dims")]
    [InlineData("""{"name":"1a","dims":2,"index_type":"FLAT"}""", 400, 30003, "name")]
    [InlineData("""{"name":"a b","dims":2,"index_type":"FLAT"}""", 400, 30003, "name")]
    [InlineData("""{"name":"","dims":2,"index_type":"FLAT"}""", 400, 30003, "name")]
    [InlineData("""{"name":"é","dims":2,"index_type":"FLAT"}""", 400, 30003, "name")]
    [InlineData("""{"name":"a","dims":0,"index_type":"FLAT"}""", 400, 30003, "dims")]
    [InlineData("""{"name":"a","dims":32769,"index_type":"FLAT"}""", 400, 30003, "dims")]
    [InlineData("""{"name":"a","dims":"2","index_type":"FLAT"}""", 400, 10004, "dims")]
    [InlineData("""{"name":"a","dims":2,"index_type":"flat"}""", 400, 30003, "index_type")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","compression":"pq"}""", 422, 30005, "compression")]
    [InlineData("""{"name":"a","dims":63,"index_type":"HNSW","compression":"binary"}""", 400, 30003, "compression")]
    [InlineData("""{"name":"a","dims":64,"index_type":"IVF_SQ8","compression":"sq4"}""", 400, 30003, "compression")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","params":{"rerank":"x"}}""", 400, 30003, "params.rerank")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","params":{"rerank":7}}""", 400, 10004, "params.rerank")]
    [InlineData("""{"name":"a","dims":2,"index_type":"IVF_PQ"}""", 400, 30003, "index_type")]
    [InlineData("""{"name":"a","dims":2,"index_type":"IVF_FLAT","params":{"m":8}}""", 400, 30003, "params.m")]
    [InlineData("""{"name":"a","dims":2,"index_type":"IVF_SQ8","params":{"nlist":0}}""", 400, 30003, "params.nlist")]
    [InlineData("""{"name":"a","dims":2,"index_type":"AUTO","params":{"nprobe":1}}""", 400, 30003, "params.nprobe")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","metric_type":"L2"}""", 400, 30003, "metric_type")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","engine":"milvus"}""", 422, 30005, "engine")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","engine":"faiss"}""", 422, 30005, "engine")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","compression":"int8"}""", 422, 30005, "compression")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","compression":"zip"}""", 400, 30003, "compression")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","shards":65}""", 400, 30003, "shards")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","ttl_seconds":0}""", 400, 30003, "ttl_seconds")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","params":{"m":8}}""", 400, 30003, "params.m")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","params":{"m":3}}""", 400, 30003, "params.m")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","params":{"m":"8"}}""", 400, 10004, "params.m")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","params":{"nlist":8}}""", 400, 30003, "params.nlist")]
    [InlineData("""{"name":"a","dims":2,"index_type":"HNSW","params":[1]}""", 400, 10004, "params")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","color":1}""", 400, 10003, "color")]
    [InlineData("""{"name":"a","dims":2,"index_type":"FLAT","model":"nothing"}""", 404, 20001, null)]
    public async Task A_bad_creation_names_its_field_and_writes_nothing(
        string body, int status, int code, string? field)
    {
        await using var world = await VectorWorld.StartAsync();

        var answer = await world.Api.PostAsync(Root, body);

        Assert.True((status, code) == ((int)answer.Status, answer.Code), answer.ToString());
        if (field is not null) Assert.Equal(field, answer["errors"][0].GetProperty("field").GetString());
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
        Assert.Empty(world.Worker.Collections);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_name_is_taken_once(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        const string body = """{"name":"twice","dims":2,"index_type":"FLAT"}""";

        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => world.Api.PostAsync(Root, body)));

        Assert.Single(answers, answer => answer.Status == HttpStatusCode.Created);
        Assert.All(answers.Where(answer => answer.Status != HttpStatusCode.Created), answer =>
        {
            Assert.Equal(30002, answer.Code);
            Assert.Equal("name", answer["errors"][0].GetProperty("field").GetString());
        });
        Assert.Single(world.Worker.Collections);
    }

    [Fact]
    public async Task The_same_idempotency_key_creates_once()
    {
        await using var world = await VectorWorld.StartAsync();
        const string body = """{"name":"once","dims":2,"index_type":"FLAT"}""";

        var first = await world.Api.PostAsync(Root, body, "key-1");
        var second = await world.Api.PostAsync(Root, body, "key-1");

        Assert.Equal(HttpStatusCode.Created, second.Status);
        Assert.Equal(first.String("id"), second.String("id"));
        Assert.Single(world.Worker.Collections);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_may_change_changes_and_null_removes(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var id = await world.CreateAsync("old", index: "HNSW", more: ""","ttl_seconds":60,"description":"before" """);

        var answer = await world.Api.PutAsync($"{Root}/old", """
            {"name":"new","description":null,"ttl_seconds":null,"params":{"ef_search":300},"dims":2,"engine":"auto"}
            """);

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        var read = await world.Api.GetAsync($"{Root}/new");
        Assert.Equal(id, read.String("id"));
        Assert.Equal(300, read["params.ef_search"].GetInt32());
        Assert.False(read.Data.TryGetProperty("ttl_seconds", out _));
        Assert.False(read.Data.TryGetProperty("description", out _));
        Assert.Equal(HttpStatusCode.NotFound, (await world.Api.GetAsync($"{Root}/old")).Status);
        var update = world.Worker.LastUpdateOf(id)!;
        Assert.Equal((300, -1L), (update.EfSearch, update.TtlSeconds));
    }

    [Theory]
    [InlineData("""{"dims":3}""", "dims")]
    [InlineData("""{"metric_type":"dot"}""", "metric_type")]
    [InlineData("""{"index_type":"FLAT"}""", "index_type")]
    [InlineData("""{"engine":"faiss"}""", "engine")]
    [InlineData("""{"model":"builtin/other"}""", "model")]
    [InlineData("""{"shards":2}""", "shards")]
    [InlineData("""{"params":{"m":32}}""", "params.m")]
    [InlineData("""{"name":"other","params":{"ef_construction":100}}""", "params.ef_construction")]
    public async Task What_can_not_change_is_refused_by_name_and_nothing_is_written(string body, string field)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("fixed", index: "HNSW");

        var answer = await world.Api.PutAsync($"{Root}/fixed", body);

        Assert.Equal((HttpStatusCode.UnprocessableEntity, 30004), (answer.Status, answer.Code));
        Assert.Equal(field, answer["errors"][0].GetProperty("field").GetString());
        Assert.Equal(HttpStatusCode.OK, (await world.Api.GetAsync($"{Root}/fixed")).Status);
    }

    [Fact]
    public async Task A_change_to_a_taken_name_or_of_nothing_is_refused()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("one");
        await world.CreateAsync("two");

        Assert.Equal(30002, (await world.Api.PutAsync($"{Root}/one", """{"name":"two"}""")).Code);
        Assert.Equal(30001, (await world.Api.PutAsync($"{Root}/three", """{"name":"four"}""")).Code);
        Assert.Equal(30003, (await world.Api.PutAsync($"{Root}/one", """{"name":"no way"}""")).Code);
        Assert.Equal(10003, (await world.Api.PutAsync($"{Root}/one", """{"status":"ready"}""")).Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Lists_are_paged_sorted_and_filtered_with_an_exact_total(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        foreach (var i in Enumerable.Range(0, 5))
            await world.CreateAsync($"c{i}", dims: 5 - i, index: i < 2 ? "FLAT" : "HNSW");

        var page = await world.Api.GetAsync($"{Root}?page=2&page_size=2&sort=name");
        var byDims = await world.Api.GetAsync($"{Root}?sort=dims");
        var building = await world.Api.GetAsync($"{Root}?status=building&index_type=HNSW");
        var newest = await world.Api.GetAsync(Root);

        Assert.Equal(["c2", "c3"], Names(page));
        Assert.Equal(5, page["total"].GetInt64());
        Assert.Equal(["c4", "c3", "c2", "c1", "c0"], Names(byDims));
        Assert.Equal((3L, 3), (building["total"].GetInt64(), Names(building).Length));
        Assert.Equal(["c4", "c3", "c2", "c1", "c0"], Names(newest));
        Assert.False(newest["collections"][0].TryGetProperty("stats", out _));
        Assert.Equal(10007, (await world.Api.GetAsync($"{Root}?page_size=201")).Code);
        Assert.Equal(10003, (await world.Api.GetAsync($"{Root}?colour=red")).Code);
        Assert.Equal(10001, (await world.Api.GetAsync($"{Root}?status=broken")).Code);
    }

    [Fact]
    public async Task A_collection_is_answered_without_figures_while_its_worker_is_away()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("alone");
        world.Worker.Stop();

        var answer = await world.Api.GetAsync($"{Root}/alone");

        Assert.Equal(HttpStatusCode.OK, answer.Status);
        Assert.False(answer.Data.TryGetProperty("stats", out _));
    }

    [Theory]
    [InlineData("nothing")]
    [InlineData("01999999-0000-7000-8000-000000000000")]
    [InlineData("a%20b")]
    [InlineData("..%2f..")]
    public async Task What_is_not_there_is_404_on_every_route(string id)
    {
        await using var world = await VectorWorld.StartAsync(Dialect.Sqlite);

        Assert.Equal(30001, (await world.Api.GetAsync($"{Root}/{id}")).Code);
        Assert.Equal(30001, (await world.Api.DeleteAsync($"{Root}/{id}")).Code);
        Assert.Equal(30001, (await world.Api.PutAsync($"{Root}/{id}", """{"description":"x"}""")).Code);
        Assert.Equal(30001, (await world.Api.PostAsync($"{Root}/{id}/build")).Code);
    }

    private static string[] Names(Taishang.Testing.Hosts.ApiAnswer answer) =>
        [.. answer["collections"].EnumerateArray().Select(row => row.GetProperty("name").GetString()!)];
}
