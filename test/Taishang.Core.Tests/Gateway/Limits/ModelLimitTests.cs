using System.Net;
using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Gateway.Limits;

public sealed class ModelLimitTests
{
    private const string Embed = "/api/taishang/vectors/embed";

    private static string Limits(string limits) => "{\"limits\":{" + limits + "}}";

    private static double Wait(ApiAnswer answer) => answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds;

    private static Task<ApiAnswer> EmbedAsync(GatewayWorld world, string model, string text) =>
        world.PostAsync(Embed, JsonSerializer.Serialize(new { model, text }));

    [Fact]
    public async Task A_model_beyond_its_requests_a_minute_is_429_until_the_time_that_is_told()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", Limits("\"requests_per_minute\":2"));
        Assert.Equal(0, (await EmbedAsync(world, "a", "x")).Code);
        world.Clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, (await EmbedAsync(world, "a", "y")).Code);
        // What the cache knows needs no room.
        Assert.Equal(0, (await EmbedAsync(world, "a", "x")).Code);
        var refused = await EmbedAsync(world, "a", "z");
        Assert.Equal((HttpStatusCode.TooManyRequests, 20026), (refused.Status, refused.Code));
        Assert.Contains("requests_per_minute", refused.Message);
        world.Clock.Advance(TimeSpan.FromSeconds(Wait(refused) - 1.001));
        Assert.Equal(20026, (await EmbedAsync(world, "a", "z")).Code);
        world.Clock.Advance(TimeSpan.FromSeconds(1.001));
        Assert.Equal(0, (await EmbedAsync(world, "a", "z")).Code);
        Assert.Equal(3, world.Called.Count);
    }

    [Fact]
    public async Task A_target_at_its_limit_is_passed_over_and_blamed_for_nothing_until_none_is_left()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", Limits("\"requests_per_minute\":1"));
        await world.RegisterOneAsync("b", Limits("\"requests_per_minute\":1"));
        await world.RouteAsync(
            "main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}],"attempts_max":1,"cooldown":{"errors":1}""");
        Assert.Equal("a", (await world.EmbedAsync("main", "1")).String("served.target"));
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        var second = await world.EmbedAsync("main", "2");
        // Passing one over is no try: the route would allow no second.
        Assert.Equal("b", second.String("served.target"));
        Assert.Equal("1", second.Headers.GetValues("X-Taishang-Tries").Single());
        var refused = await world.EmbedAsync("main", "3");
        Assert.Equal((HttpStatusCode.TooManyRequests, 20024), (refused.Status, refused.Code));
        Assert.InRange(Wait(refused), 40, 41);
        world.Clock.Advance(TimeSpan.FromSeconds(Wait(refused)));
        Assert.Equal("a", (await world.EmbedAsync("main", "3")).String("served.target"));
        Assert.Equal("a b a", string.Join(' ', world.Called));
        var health = (await world.Api.GetAsync($"{GatewayWorld.Root}/main"))["health"];
        Assert.All(health.EnumerateArray(), one => Assert.Equal(
            ("ready", 0), (one.GetProperty("state").GetString(), one.GetProperty("in_flight").GetInt32())));
    }

    [Fact]
    public async Task Tokens_are_taken_by_estimate_and_corrected_by_what_the_model_read()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", Limits("\"tokens_per_minute\":30"));
        var held = new TaskCompletionSource();
        world.Before = (_, _) => held.Task;
        // 10 characters are estimated at 14 tokens, and counted as 10.
        var first = EmbedAsync(world, "a", "0123456789");
        var second = EmbedAsync(world, "a", "abcdefghij");
        while (world.Called.Count < 2) await Task.Yield();
        Assert.Equal(20026, (await EmbedAsync(world, "a", "x")).Code);
        held.SetResult();
        Assert.Equal([0, 0], (await Task.WhenAll(first, second)).Select(answer => answer.Code));
        Assert.Equal(0, (await EmbedAsync(world, "a", "123456")).Code);
        Assert.Equal(20026, (await EmbedAsync(world, "a", "7")).Code);
    }

    [Fact]
    public async Task A_failed_call_gives_its_tokens_back_and_keeps_its_request()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", Limits("\"tokens_per_minute\":10,\"requests_per_minute\":2"));
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        Assert.Equal(90012, (await EmbedAsync(world, "a", "123456")).Code);
        world.Faults.Clear();
        Assert.Equal(0, (await EmbedAsync(world, "a", "123456")).Code);
        Assert.Contains("requests_per_minute", (await EmbedAsync(world, "a", "1")).Message);
    }

    [Fact]
    public async Task Chat_and_inference_are_held_to_it_and_clients_of_OpenAI_are_told_in_their_words()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("talk", Limits("\"tokens_per_minute\":100"));
        await world.RegisterOneAsync("label", Limits("\"requests_per_minute\":1"));
        const string Chat = """{"model":"builtin/talk","max_tokens":60,"messages":[{"role":"user","content":"hi"}]}""";
        Assert.Equal(HttpStatusCode.OK, (await world.SendAsync("/v1/chat/completions", Chat)).StatusCode);
        // Its bound is more than a minute's room, so that it waits for an empty one.
        using var refused = await world.SendAsync("/v1/chat/completions", Chat);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 60, 61);
        using var body = JsonDocument.Parse(await refused.Content.ReadAsStringAsync());
        Assert.Equal("rate_limit_exceeded", body.RootElement.GetProperty("error").GetProperty("code").GetString());

        var id = (await world.Api.GetAsync("/api/taishang/models?name=label"))["models"][0].GetProperty("id");
        var infer = $"/api/taishang/models/{id.GetString()}/infer";
        Assert.Equal(0, (await world.PostAsync(infer, """{"text":"x"}""")).Code);
        Assert.Equal(20026, (await world.PostAsync(infer, """{"text":"y"}""")).Code);
    }

    [Fact]
    public async Task A_chat_that_its_caller_does_not_bound_takes_no_more_of_a_minute_than_a_usual_answer()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync(
            "talk", """{"context_tokens":100000,"limits":{"tokens_per_minute":20000}}""");
        var held = new TaskCompletionSource();
        world.Before = (_, _) => held.Task;
        const string Chat = """{"model":"builtin/talk","messages":[{"role":"user","content":"hi"}]}""";
        Task<HttpResponseMessage>[] two =
            [.. Enumerable.Range(0, 2).Select(_ => world.SendAsync("/v1/chat/completions", Chat))];
        while (world.Called.Count < 2) await Task.Yield();
        using var third = await world.SendAsync("/v1/chat/completions", Chat);
        Assert.Equal(HttpStatusCode.TooManyRequests, third.StatusCode);
        held.SetResult();
        foreach (var answer in await Task.WhenAll(two)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var after = await world.SendAsync("/v1/chat/completions", Chat);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
    }

    [Fact]
    public async Task Calls_at_once_are_bounded_and_a_shadow_takes_room_like_any_other()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", Limits("\"parallel_calls\":1"));
        await world.RegisterAsync("b");
        await world.RouteAsync(
            "main", """{"model":"b"}""", ""","shadow":{"model":"a","share":1},"cache":{"vectors":false}""");
        var held = new TaskCompletionSource();
        world.Before = (name, _) => name == "a" ? held.Task : Task.CompletedTask;
        Assert.Equal(0, (await world.EmbedAsync("main")).Code);
        while (!world.Called.Contains("a")) await Task.Yield();
        var refused = await EmbedAsync(world, "a", "x");
        Assert.Equal((20026, 1), (refused.Code, Wait(refused)));
        held.SetResult();
        while ((await EmbedAsync(world, "a", "x")).Code != 0) await Task.Yield();
    }
}
