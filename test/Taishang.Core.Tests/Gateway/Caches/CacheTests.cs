using Taishang.Contracts.Ai.V1;
using Taishang.Core.Tests.Vectors;

namespace Taishang.Core.Tests.Gateway.Caches;

public sealed class CacheTests
{
    private const string Embed = "/api/taishang/vectors/embed";

    [Fact]
    public async Task A_batch_asks_the_model_only_for_what_is_not_known()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        var first = await world.PostAsync(Embed, """{"model":"a","texts":["one","three"]}""");
        var second = await world.PostAsync(Embed, """{"model":"a","texts":["three","new","one"]}""");
        Assert.Equal([["one", "three"], ["new"]],
            world.Host.Ai.RequestsOf<ComputeEmbeddingRequest>().Select(request => request.Texts.ToArray()));
        Assert.Equal("[[5,6,7,8],[3,4,5,6],[3,4,5,6]]", second["embeddings"].GetRawText());
        Assert.Equal((8, 11), (first["usage.tokens"].GetInt32(), second["usage.tokens"].GetInt32()));
        Assert.False(second["served.cached"].GetBoolean());
        var third = await world.PostAsync(Embed, """{"model":"a","texts":["new","one"]}""");
        Assert.True(third["served.cached"].GetBoolean());
        Assert.Equal(2, world.Called.Count);
    }

    [Fact]
    public async Task Tenants_versions_and_parameters_share_nothing()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b");
        foreach (var model in (string[])["a", "b"])
        {
            foreach (var tenant in (string[])["one", "two"])
            {
                for (var i = 0; i < 2; i++)
                    await world.PostAsync(
                        Embed, $$"""{"model":"{{model}}","text":"x"}""", ("X-Taishang-Tenant", tenant));
            }
        }

        Assert.Equal(["a", "a", "b", "b"], world.Called);
        var refused = await world.PostAsync(Embed, """{"model":"a","text":"x"}""", ("X-Taishang-Tenant", ""));
        Assert.Equal(10001, refused.Code);
    }

    [Fact]
    public async Task Hits_cost_nothing_and_stand_in_the_figures()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", """{"price":{"currency":"USD","per_call":0.5}}""");
        var first = await world.PostAsync(Embed, """{"model":"a","text":"x"}""");
        var second = await world.PostAsync(Embed, """{"model":"a","text":"x"}""");
        Assert.Equal(("0.5", "0.0"), (
            first["served.cost.amount"].GetRawText(), second["served.cost.amount"].GetRawText()));
    }

    [Fact]
    public async Task A_route_can_do_without_caches_and_with_one_for_answers()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "label");
        await world.RouteAsync("bare", """{"model":"a"}""", ""","cache":{"vectors":false}""");
        for (var i = 0; i < 2; i++) await world.EmbedAsync("bare");
        Assert.Equal(["a", "a"], world.Called);
        await world.RouteAsync("whole", """{"model":"label"}""", ""","cache":{"answers":true,"ttl_seconds":60}""");
        Task<Testing.Hosts.ApiAnswer> Infer(string text) =>
            world.PostAsync($"{GatewayWorld.Root}/whole/infer", $$"""{"text":"{{text}}"}""");
        var first = await Infer("x");
        var second = await Infer("x");
        Assert.Equal((false, true), (first["served.cached"].GetBoolean(), second["served.cached"].GetBoolean()));
        Assert.Equal(first["classifications"].GetRawText(), second["classifications"].GetRawText());
        await Infer("y");
        world.Clock.Advance(TimeSpan.FromMinutes(1));
        await Infer("x");
        Assert.Equal(["a", "a", "label", "label", "label"], world.Called);
    }

    [Fact]
    public async Task Rows_of_collections_pass_by_the_cache_and_what_is_searched_for_does_not()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.RegisterModelAsync();
        await world.CreateAsync("notes", FakeWorker.EmbeddingDims, more: ""","model":"test-embed" """);
        for (var i = 0; i < 2; i++)
        {
            await world.UpsertAsync("notes", """[{"id":"1","text":"a row"}]""");
            await world.Api.PostAsync("/api/taishang/vectors/search", """{"collection":"notes","text":"sought"}""");
        }

        Assert.Equal(["a row", "sought", "a row"],
            world.Worker.Ai.RequestsOf<ComputeEmbeddingRequest>().Select(request => request.Texts.Single()));
    }

    [Fact]
    public async Task Caches_of_no_size_keep_nothing()
    {
        await using var world = await GatewayWorld.StartAsync(
            new Dictionary<string, string> { ["Gateway:VectorCacheMb"] = "0" });
        await world.RegisterAsync("a");
        for (var i = 0; i < 2; i++) await world.PostAsync(Embed, """{"model":"a","text":"x"}""");
        Assert.Equal(2, world.Called.Count);
    }
}
