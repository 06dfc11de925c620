using System.Net;
using System.Runtime.InteropServices;
using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Gateway.OpenAi;

public sealed class EmbeddingsTests
{
    private const string Path = "/v1/embeddings";

    [Fact]
    public async Task Texts_come_back_as_numbers_or_as_base64_through_routes_and_models()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await world.RouteAsync("main", """{"model":"a"}""");
        var answer = await world.PostAsync(
            Path, """{"model":"main","input":["x","yy"],"encoding_format":"float","user":"u"}""");
        Assert.Equal(
            """{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,2,3,4]},"""
            + """{"object":"embedding","index":1,"embedding":[2,3,4,5]}],"model":"main","usage":"""
            + """{"prompt_tokens":3,"total_tokens":3}}""",
            answer.Text);
        Assert.Equal(("a", "miss"), (
            answer.Headers.GetValues("X-Taishang-Target").Single(),
            answer.Headers.GetValues("X-Taishang-Cache").Single()));
        answer = await world.PostAsync(
            Path, """{"model":"builtin/a","input":"x","encoding_format":"base64","dimensions":4}""");
        var bytes = Convert.FromBase64String(answer.Root.GetProperty("data")[0].GetProperty("embedding").GetString()!);
        Assert.Equal([1f, 2f, 3f, 4f], MemoryMarshal.Cast<byte, float>(bytes).ToArray());
    }

    [Theory]
    [InlineData("""{"model":"a","input":[1,2,3]}""", 400, "invalid_argument", "arrays of tokens are not taken")]
    [InlineData("""{"model":"a","input":[[1,2],[3]]}""", 400, "invalid_argument", "arrays of tokens are not taken")]
    [InlineData("""{"model":"a","input":[]}""", 400, "invalid_argument", "expected 1 to 1000 strings, came 0")]
    [InlineData("""{"model":"a","input":["x",""]}""", 400, "invalid_argument", "input[1]: expected 1 to")]
    [InlineData("""{"model":"a"}""", 400, "missing_field", "input: required")]
    [InlineData("""{"input":"x"}""", 400, "missing_field", "model: required")]
    [InlineData("""{"model":"nobody","input":"x"}""", 404, "model_not_found", "no model 'nobody'")]
    [InlineData("""{"model":"a","input":"x","dimensions":3}""", 422, "model_incompatible", "4 and can not give 3")]
    [InlineData("""{"model":"a","input":"x","encoding_format":"hex"}""", 400, "invalid_argument", "float or base64")]
    [InlineData("""{"model":"talk","input":"x"}""", 422, "model_incompatible", "expected an embedding model")]
    [InlineData("{", 400, "malformed_json", "body: ")]
    public async Task An_error_has_the_form_of_openai(string body, int status, string code, string message)
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "talk");
        var answer = await world.PostAsync(Path, body);
        var error = answer.Root.GetProperty("error");
        Assert.Equal((status, code), ((int)answer.Status, error.GetProperty("code").GetString()));
        Assert.Contains(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("invalid_request_error", error.GetProperty("type").GetString());
        Assert.Equal(["code", "message", "param", "type"],
            error.EnumerateObject().Select(property => property.Name).Order());
    }

    [Fact]
    public async Task A_limit_is_429_with_its_wait_and_a_failure_5xx()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        world.Faults["a"] = () => new ApiException(
            ErrorCodes.ModelUpstreamLimited, retryAfter: TimeSpan.FromSeconds(7));
        var answer = await world.PostAsync(Path, """{"model":"builtin/a","input":"x"}""");
        Assert.Equal((HttpStatusCode.TooManyRequests, 7), (
            answer.Status, answer.Headers.RetryAfter!.Delta!.Value.Seconds));
        Assert.Equal("rate_limit_error", answer.Root.GetProperty("error").GetProperty("type").GetString());
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        answer = await world.PostAsync(Path, """{"model":"builtin/a","input":"x"}""");
        Assert.Equal((HttpStatusCode.BadGateway, "server_error"), (
            answer.Status, answer.Root.GetProperty("error").GetProperty("type").GetString()));
        answer = await world.PostAsync("/v1/nothing", "{}");
        Assert.Equal((HttpStatusCode.NotFound, "route_not_found"), (
            answer.Status, answer.Root.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Models_and_routes_are_listed_and_found_by_what_callers_name_them()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        var idle = await world.RegisterOneAsync("idle", "{}");
        await world.Api.PostAsync($"/api/taishang/models/{idle}/deactivate");
        await world.RouteAsync("main", """{"model":"a"}""");
        var list = (await world.Api.GetAsync("/v1/models")).Root;
        Assert.Equal("list", list.GetProperty("object").GetString());
        var ids = list.GetProperty("data").EnumerateArray()
            .Select(model => model.GetProperty("id").GetString()).ToList();
        Assert.Contains("main", ids);
        Assert.Contains("builtin/a", ids);
        Assert.DoesNotContain("builtin/idle", ids);
        foreach (var id in (string[])["main", "builtin/a", "a"])
        {
            var one = (await world.Api.GetAsync($"/v1/models/{id}")).Root;
            Assert.Equal((id, "model"), (one.GetProperty("id").GetString(), one.GetProperty("object").GetString()));
        }

        var missing = await world.Api.GetAsync("/v1/models/nobody");
        Assert.Equal(HttpStatusCode.NotFound, missing.Status);
        Assert.Equal("model_not_found", missing.Root.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task An_answer_of_a_thousand_texts_is_whole()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        var texts = Enumerable.Range(0, 1_000).Select(i => new string('x', (i % 50) + 1)).ToArray();
        var answer = await world.PostAsync(Path, JsonSerializer.Serialize(new { model = "builtin/a", input = texts }));
        var rows = answer.Root.GetProperty("data").EnumerateArray().ToList();
        Assert.Equal(1_000, rows.Count);
        Assert.All(rows.Index(), row => Assert.Equal(
            (row.Index, texts[row.Index].Length),
            (row.Item.GetProperty("index").GetInt32(), row.Item.GetProperty("embedding")[0].GetInt32())));
    }
}
