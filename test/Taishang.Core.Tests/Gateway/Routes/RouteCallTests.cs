using System.Net;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Gateway.Routes;

public sealed class RouteCallTests
{
    private static readonly Func<ApiException> Failed = () => new ApiException(ErrorCodes.ModelUpstreamFailed);

    private static Func<ApiException> Limited(int seconds) =>
        () => new ApiException(ErrorCodes.ModelUpstreamLimited, retryAfter: TimeSpan.FromSeconds(seconds));

    [Fact]
    public async Task An_answer_says_which_target_and_version_served_and_what_it_cost()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", """{"price":{"currency":"CNY","input_per_1k":2}}""");
        await world.RouteAsync("main", """{"model":"builtin/a@1.0.0"}""");
        var answer = await world.EmbedAsync("main", "12345");
        Assert.Equal(
            """{"route":"main","target":"builtin/a@1.0.0","model":"builtin/a","version":"1.0.0","tries":1,"fallback":"""
            + """false,"cached":false,"cost":{"amount":0.01,"currency":"CNY"}}""",
            answer["served"].GetRawText());
        Assert.Equal("builtin/a@1.0.0", answer.Headers.GetValues("X-Taishang-Target").Single());
        Assert.Equal("0.01 CNY", answer.Headers.GetValues("X-Taishang-Cost").Single());
    }

    [Fact]
    public async Task A_target_that_fails_is_followed_by_its_fallback_and_none_is_tried_twice()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b", "c");
        await world.RouteAsync(
            "main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"},{"model":"c"}],"attempts_max":10""");
        world.Faults["a"] = Failed;
        world.Faults["b"] = () => new ApiException(ErrorCodes.AiTimeout);
        var answer = await world.EmbedAsync("main");
        Assert.Equal((0, "c"), (answer.Code, answer.String("served.target")));
        Assert.Equal(("a b c", 3, true), (
            string.Join(' ', world.Called), answer["served.tries"].GetInt32(),
            answer["served.fallback"].GetBoolean()));
        world.Faults["c"] = Failed;
        answer = await world.EmbedAsync("main", "again");
        Assert.Equal((HttpStatusCode.BadGateway, 90012), (answer.Status, answer.Code));
        Assert.Equal("a b c a b c", string.Join(' ', world.Called));
        Assert.StartsWith("3 targets of the route main failed: ", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_caller_did_wrong_is_not_tried_elsewhere()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b");
        await world.RouteAsync("main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}]""");
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelInputInvalid);
        Assert.Equal(90011, (await world.EmbedAsync("main")).Code);
        Assert.Equal(["a"], world.Called);
    }

    [Fact]
    public async Task A_target_cools_down_after_its_failures_and_comes_back_by_one_probe()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b");
        await world.RouteAsync("main", """{"model":"a"}""",
            ""","fallbacks":[{"model":"b"}],"cooldown":{"errors":2,"window_ms":60000,"cooldown_ms":30000},"cache":"""
            + """{"vectors":false}""");
        world.Faults["a"] = Failed;
        for (var i = 0; i < 4; i++) await world.EmbedAsync("main");
        Assert.Equal("a b a b b b", string.Join(' ', world.Called));
        var health = (await world.Api.GetAsync($"{GatewayWorld.Root}/main"))["health"][0];
        Assert.Equal(("cooling", 30_000), (
            health.GetProperty("state").GetString(), health.GetProperty("available_in_ms").GetInt32()));

        world.Clock.Advance(TimeSpan.FromSeconds(30));
        await world.EmbedAsync("main");
        Assert.Equal("a b", string.Join(' ', world.Called.TakeLast(2)));
        await world.EmbedAsync("main");
        Assert.Equal("a b b", string.Join(' ', world.Called.TakeLast(3)));
        world.Faults.Clear();
        world.Clock.Advance(TimeSpan.FromSeconds(30));
        await world.EmbedAsync("main");
        await world.EmbedAsync("main");
        Assert.Equal("a a", string.Join(' ', world.Called.TakeLast(2)));
    }

    [Fact]
    public async Task A_limit_is_kept_until_its_wait_is_over_and_none_left_does_not_trip_the_breaker()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await world.RouteAsync("main", """{"model":"a"}""", ""","cooldown":{"errors":1}""");
        world.Faults["a"] = Limited(20);
        var answer = await world.EmbedAsync("main");
        Assert.Equal((HttpStatusCode.TooManyRequests, 90014, 20),
            (answer.Status, answer.Code, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
        world.Faults.Clear();
        for (var i = 0; i < 10; i++)
        {
            answer = await world.EmbedAsync("main");
            Assert.Equal((HttpStatusCode.TooManyRequests, 20024), (answer.Status, answer.Code));
        }

        Assert.Equal(20, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds);
        Assert.Single(world.Called);
        world.Clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(0, (await world.EmbedAsync("main")).Code);
    }

    [Fact]
    public async Task While_every_target_cools_down_callers_are_told_when_to_come_back()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await world.RouteAsync("main", """{"model":"a"}""", ""","cooldown":{"errors":1,"cooldown_ms":9000}""");
        world.Faults["a"] = Failed;
        await world.EmbedAsync("main");
        world.Faults.Clear();
        var answer = await world.EmbedAsync("main");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 20023, 9),
            (answer.Status, answer.Code, answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds));
    }

    [Fact]
    public async Task A_drill_fails_for_its_caller_alone_and_blames_nobody()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b");
        await world.RouteAsync(
            "main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}],"cooldown":{"errors":1}""");
        var drilled = await world.EmbedAsync("main", "x", ("X-Taishang-Drill", "a=limited"));
        Assert.Equal("b", drilled.String("served.target"));
        Assert.Equal(["b"], world.Called);
        Assert.Equal("a", (await world.EmbedAsync("main", "y")).String("served.target"));
        drilled = await world.EmbedAsync("main", "z", ("X-Taishang-Drill", "*"));
        Assert.Equal((90012, "a"), (drilled.Code, (await world.EmbedAsync("main", "w")).String("served.target")));
        drilled = await world.EmbedAsync("main", "x", ("X-Taishang-Drill", "a=sulks"));
        Assert.Equal(10001, drilled.Code);
    }

    [Fact]
    public async Task A_shadow_gets_its_share_and_its_failures_hurt_nobody()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "dark");
        await world.RouteAsync("main", """{"model":"a"}""", ""","shadow":{"model":"dark","share":1}""");
        var asked = new TaskCompletionSource();
        world.Before = (name, _) =>
        {
            if (name == "dark") asked.TrySetResult();
            return Task.CompletedTask;
        };
        world.Faults["dark"] = Failed;
        var answer = await world.EmbedAsync("main");
        Assert.Equal((0, "a"), (answer.Code, answer.String("served.target")));
        await asked.Task.WaitAsync(TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task Conditions_choose_by_language_length_and_label()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("zh", "long", "gold");
        await world.RouteAsync("main",
            """{"model":"zh","when":{"languages":["zh"]}},"""
            + """{"model":"long","when":{"languages":["en"],"length_min":10}},"""
            + """{"model":"gold","when":{"labels":["gold"],"languages":["en"],"length_max":9}}""");
        async Task<string> By(string text, params (string, string)[] headers)
        {
            var answer = await world.EmbedAsync("main", text, headers);
            return answer.Code == 0 ? answer.String("served.target") : $"{(int)answer.Status} {answer.Code}";
        }

        Assert.Equal("zh", await By("天气很好"));
        Assert.Equal("long", await By("a long enough text"));
        Assert.Equal("gold", await By("short", ("X-Taishang-Labels", "silver, gold")));
        Assert.Equal("zh", await By("short", ("X-Taishang-Language", "zh")));
        Assert.Equal("422 20025", await By("short"));
    }

    [Fact]
    public async Task A_target_that_the_registry_holds_back_is_passed_over()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("b");
        var id = await world.RegisterOneAsync("a", "{}");
        await world.RouteAsync("main", """{"model":"a"},{"model":"b","weight":0}""", ""","fallbacks":[]""");
        await world.Api.PostAsync($"/api/taishang/models/{id}/deactivate");
        var answer = await world.EmbedAsync("main");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, 20023), (answer.Status, answer.Code));
        Assert.Contains("the model builtin/a is not active", answer.Message, StringComparison.Ordinal);
        await world.RouteAsync("other", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}]""");
        answer = await world.EmbedAsync("other");
        Assert.Equal(("b", 1), (answer.String("served.target"), answer["served.tries"].GetInt32()));
    }

    [Fact]
    public async Task All_tries_share_one_deadline()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "b");
        await world.RouteAsync("main", """{"model":"a"}""", ""","fallbacks":[{"model":"b"}],"timeout_ms":1000""");
        world.Before = (_, _) =>
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            throw new ApiException(ErrorCodes.AiTimeout);
        };
        var answer = await world.EmbedAsync("main");
        Assert.Equal((HttpStatusCode.GatewayTimeout, 90002), (answer.Status, answer.Code));
        Assert.Equal(["a"], world.Called);
    }

    [Fact]
    public async Task Inference_goes_through_a_route_too()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("label-a", "label-b");
        await world.RouteAsync("main", """{"model":"label-a"}""", ""","fallbacks":[{"model":"label-b"}]""");
        world.Faults["label-a"] = Failed;
        var answer = await world.PostAsync($"{GatewayWorld.Root}/main/infer", """{"text":"x"}""");
        Assert.Equal("label-b", answer["classifications"][0].GetProperty("labels")[0].GetProperty("label").GetString());
        answer = await world.PostAsync($"{GatewayWorld.Root}/main/infer", """{"text":"x","version":"1.0.0"}""");
        Assert.Equal((10001, "version: the route chooses it"), (answer.Code, answer.Message));
        answer = await world.PostAsync($"{GatewayWorld.Root}/none/infer", """{"text":"x"}""");
        Assert.Equal((HttpStatusCode.NotFound, 20020), (answer.Status, answer.Code));
    }
}
