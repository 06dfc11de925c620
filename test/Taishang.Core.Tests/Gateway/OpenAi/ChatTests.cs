using System.Net;
using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.Gateway.OpenAi;

public sealed class ChatTests
{
    private const string Path = "/v1/chat/completions";

    private static string Body(string model, string more = "") =>
        $$"""{"model":"{{model}}","messages":[{"role":"user","content":"hi"}]{{more}}}""";

    [Fact]
    public async Task A_completion_comes_back_as_the_model_gave_it_and_the_body_goes_there_as_it_came()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        var answer = await world.PostAsync(
            Path, Body("builtin/talk", ""","temperature":0.5,"novel":{"a":[1,null]},"stream":false"""));
        Assert.Equal("I am talk", answer.Root.GetProperty("choices")[0].GetProperty("message")
            .GetProperty("content").GetString());
        var request = Assert.Single(world.Host.Ai.RequestsOf<ChatRequest>());
        Assert.Equal(
            """{"messages":[{"role":"user","content":"hi"}],"temperature":0.5,"novel":{"a":[1,null]}}""",
            request.BodyJson.ToStringUtf8());
        Assert.False(request.Stream);
    }

    [Fact]
    public async Task A_stream_is_events_that_end_with_done_and_with_the_usage_only_for_who_asked()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        var plain = await world.PostAsync(Path, Body("builtin/talk", ""","stream":true"""));
        Assert.Equal("text/event-stream", plain.ContentType?.MediaType);
        var events = Events(plain.Text);
        Assert.Equal((3, "[DONE]"), (events.Count, events[^1]));
        Assert.Equal("I am talk", string.Concat(events.Take(2).Select(Content)));
        Assert.Contains(": served {\"target\":\"builtin/talk\"", plain.Text, StringComparison.Ordinal);

        var asked = Events((await world.PostAsync(
            Path, Body("builtin/talk", ""","stream":true,"stream_options":{"include_usage":true}"""))).Text);
        Assert.Equal(
            """{"object":"chat.completion.chunk","id":"c1","created":1,"model":"m","choices":[],"usage":"""
            + """{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}""",
            asked[^2]);
    }

    [Fact]
    public async Task The_usage_of_the_model_itself_is_kept_from_who_did_not_ask()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        const string Usage = """{"id":"c1","choices":[],"usage":{"prompt_tokens":1,"total_tokens":1}}""";
        world.Chunks = _ => [GatewayWorld.Chunk("""{"content":"a"}"""), Usage];
        Assert.Equal(2, Events((await world.PostAsync(Path, Body("builtin/talk", ""","stream":true"""))).Text).Count);
        var asked = Events((await world.PostAsync(
            Path, Body("builtin/talk", ""","stream":true,"stream_options":{"include_usage":true}"""))).Text);
        Assert.Equal((3, Usage), (asked.Count, asked[1]));
    }

    [Fact]
    public async Task A_usage_that_stands_in_the_last_choice_is_not_said_once_more()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        const string Last =
            """{"id":"c1","choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":1,"total_tokens":1}}""";
        world.Chunks = _ => [GatewayWorld.Chunk("""{"content":"a"}"""), Last];
        var asked = Events((await world.PostAsync(
            Path, Body("builtin/talk", ""","stream":true,"stream_options":{"include_usage":true}"""))).Text);
        Assert.Equal((3, Last, "[DONE]"), (asked.Count, asked[1], asked[2]));
    }

    [Fact]
    public async Task Before_the_first_part_another_target_takes_over_and_after_it_the_stream_ends_with_an_error()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk-a", "talk-b");
        await world.RouteAsync("main", """{"model":"talk-a"}""", ""","fallbacks":[{"model":"talk-b"}]""");
        world.Faults["talk-a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        var taken = await world.PostAsync(Path, Body("main", ""","stream":true"""));
        Assert.Equal(("talk-b", "2"), (
            taken.Headers.GetValues("X-Taishang-Target").Single(),
            taken.Headers.GetValues("X-Taishang-Tries").Single()));
        Assert.Equal("I am talk-b", string.Concat(Events(taken.Text).SkipLast(1).Select(Content)));

        world.Faults.Clear();
        world.Break = name => name == "talk-a" ? new ApiException(ErrorCodes.ModelUpstreamFailed, "cut") : null;
        var broken = await world.PostAsync(Path, Body("main", ""","stream":true"""));
        Assert.Equal(HttpStatusCode.OK, broken.Status);
        var events = Events(broken.Text);
        Assert.Equal(
            """{"error":{"message":"cut","type":"server_error","param":null,"code":"model_upstream_failed"}}""",
            events[^1]);
        Assert.Equal("talk-a talk-b talk-a", string.Join(' ', world.Called));
    }

    [Fact]
    public async Task An_error_before_the_first_part_is_an_answer_of_its_own()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        world.Faults["talk"] = () => new ApiException(ErrorCodes.ModelUpstreamLimited);
        var answer = await world.PostAsync(Path, Body("builtin/talk", ""","stream":true"""));
        Assert.Equal((HttpStatusCode.TooManyRequests, "application/json"), (
            answer.Status, answer.ContentType?.MediaType));
        Assert.Equal("rate_limit_error", answer.Root.GetProperty("error").GetProperty("type").GetString());
    }

    [Fact]
    public async Task A_caller_that_goes_away_ends_the_call()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        var ended = new TaskCompletionSource();
        world.Chunks = _ => Endless();
        world.Before = (_, cancellation) =>
        {
            cancellation.Register(ended.SetResult);
            return Task.CompletedTask;
        };
        using (var response = await world.SendAsync(Path, Body("builtin/talk", ""","stream":true""")))
        {
            await using var stream = await response.Content.ReadAsStreamAsync();
            Assert.True(await stream.ReadAsync(new byte[16]) > 0);
        }

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(20));

        static IEnumerable<string> Endless()
        {
            while (true) yield return GatewayWorld.Chunk("""{"content":"a"}""");
        }
    }

    [Theory]
    [InlineData("""{"model":"talk"}""", 400, "messages: required")]
    [InlineData("""{"model":"talk","messages":[]}""", 400, "messages: expected 1 to")]
    [InlineData("""{"model":"talk","messages":["hi"]}""", 400, "messages[0]: expected an object")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}]}""", 400, "model: required")]
    [InlineData("""{"model":"a","messages":[{"role":"user","content":"x"}]}""", 422, "model: expected a chat model")]
    [InlineData("""{"model":"none","messages":[{"role":"user","content":"x"}]}""", 404, "no model 'none'")]
    [InlineData("""{"model":"talk","messages":[{}],"stream":"yes"}""", 400, "stream: expected true or false")]
    [InlineData("""{"model":"talk","messages":[{}],"n":0}""", 400, "n: expected a whole number from 1 to 128")]
    public async Task A_bad_body_names_the_field(string body, int status, string message)
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a", "talk");
        var answer = await world.PostAsync(Path, body);
        Assert.Equal(status, (int)answer.Status);
        Assert.StartsWith(message, answer.Root.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_route_answers_in_the_envelope_too_and_from_its_cache_as_it_did_before()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("talk");
        await world.RouteAsync("main", """{"model":"talk"}""", ""","cache":{"answers":true}""");
        const string Own = """{"messages":[{"role":"user","content":"hi"}]}""";
        var first = await world.PostAsync($"{GatewayWorld.Root}/main/chat", Own);
        Assert.Equal(("builtin/talk", 3), (first.String("model"), first["usage.output_tokens"].GetInt32()));
        var second = await world.PostAsync($"{GatewayWorld.Root}/main/chat", Own);
        Assert.Equal((first["completion"].GetRawText(), true), (
            second["completion"].GetRawText(), second["served.cached"].GetBoolean()));
        var streamed = await world.PostAsync(Path, Body("main", ""","stream":true"""));
        var again = await world.PostAsync(Path, Body("main", ""","stream":true"""));
        Assert.Equal(Events(streamed.Text), Events(again.Text));
        Assert.Equal(2, world.Called.Count);
        var refused = await world.PostAsync($"{GatewayWorld.Root}/main/chat", Body("talk"));
        Assert.Equal((10001, "model: the route chooses it"), (refused.Code, refused.Message));
    }

    private static List<string> Events(string text) =>
    [
        .. text.Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal))
            .Select(line => line[6..]),
    ];

    private static string Content(string chunk) => JsonDocument.Parse(chunk).RootElement.GetProperty("choices")[0]
        .GetProperty("delta").GetProperty("content").GetString()!;
}
