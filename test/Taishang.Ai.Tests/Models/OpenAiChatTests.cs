using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

public sealed class OpenAiChatTests
{
    private const string Completion = """
        {"id":"c","object":"chat.completion","of_their_own":[1],
         "choices":[{"index":0,"message":{"role":"assistant","content":"Well."},"finish_reason":"stop"}],
         "usage":{"prompt_tokens":7,"completion_tokens":2}}
        """;

    [Fact]
    public async Task A_completion_comes_back_as_the_service_sent_it_with_its_usage()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, Completion));
        (List<string> pieces, ChatOutcome outcome) = await world.ChatAsync(stream: false);
        Assert.Equal([Completion], pieces);
        Assert.Equal((7, 2, "stop", false),
            (outcome.PromptTokens, outcome.CompletionTokens, outcome.FinishReason, outcome.UsageEstimated));
        Assert.True(outcome.ModelMs > 0);
    }

    [Fact]
    public async Task What_the_caller_writes_passes_through_and_the_worker_sets_model_and_stream()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, Completion));
        await world.ChatAsync(
            stream: false,
            """
            {"model":"another","stream":true,"messages":[{"role":"user","content":"你好"}],"seed":7,
             "of_next_year":{"a":[1.50]},"stream_options":{"x":1}}
            """,
            """
            {"api_key":"sk-very-secret-key","model":"theirs","headers":{"X-Team":"search"},
             "extra":{"seed":1,"thinking":{"type":"off"}}}
            """);
        JsonElement body = Assert.Single(world.Bodies);
        Assert.Equal("theirs", body.GetProperty("model").GetString());
        Assert.False(body.GetProperty("stream").GetBoolean());
        Assert.False(body.TryGetProperty("stream_options", out _));
        Assert.Equal(7, body.GetProperty("seed").GetInt32());
        Assert.Equal("{\"a\":[1.50]}", body.GetProperty("of_next_year").GetRawText());
        Assert.Equal("off", body.GetProperty("thinking").GetProperty("type").GetString());
        Assert.Equal("你好", body.GetProperty("messages")[0].GetProperty("content").GetString());
        Assert.Equal("Bearer " + OpenAiWorld.Secret, world.Headers[0].Authorization);
        Assert.Equal("search", world.Headers[0]["X-Team"]);
    }

    [Fact]
    public async Task A_service_without_a_key_is_sent_none()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, Completion));
        await world.ChatAsync(stream: false, config: "{}");
        Assert.Equal("", world.Headers[0].Authorization.ToString());
    }

    [Fact]
    public async Task Chunks_arrive_while_the_model_is_still_writing()
    {
        var seen = new TaskCompletionSource();
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("We"));
            await seen.Task.WaitAsync(OpenAiWorld.Bound);
            await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("ll.", "stop"), Usage, "[DONE]");
        });
        var pieces = new List<string>();
        ChatOutcome outcome = await world.ChatAsync(stream: true, piece =>
        {
            pieces.Add(piece);
            seen.TrySetResult();
            return Task.CompletedTask;
        });
        Assert.Equal([OpenAiWorld.Chunk("We"), OpenAiWorld.Chunk("ll.", "stop")], pieces);
        Assert.Equal((5, 3, "stop", false),
            (outcome.PromptTokens, outcome.CompletionTokens, outcome.FinishReason, outcome.UsageEstimated));
        Assert.True(world.Bodies[0].GetProperty("stream_options").GetProperty("include_usage").GetBoolean());
        Assert.Equal("text/event-stream", world.Headers[0].Accept);
    }

    [Fact]
    public async Task A_caller_who_asks_for_the_usage_of_a_stream_gets_its_chunk()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            context => OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a", "stop"), Usage, "[DONE]"));
        (List<string> pieces, _) = await world.ChatAsync(
            stream: true, """{"messages":[{"role":"user","content":"x"}],"stream_options":{"include_usage":true}}""");
        Assert.Equal([OpenAiWorld.Chunk("a", "stop"), Usage], pieces);
    }

    [Fact]
    public async Task A_service_that_refuses_to_be_asked_for_usage_is_not_asked_and_the_tokens_are_an_estimate()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            context => OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("四个汉字"), OpenAiWorld.Chunk("", "stop")));
        (_, ChatOutcome outcome) = await world.ChatAsync(stream: true, config: """{"stream_usage":false}""");
        Assert.False(world.Bodies[0].TryGetProperty("stream_options", out _));
        Assert.True(outcome.UsageEstimated);
        Assert.Equal((7, 4), (outcome.PromptTokens, outcome.CompletionTokens));
    }

    [Theory]
    [InlineData("""{"choices":[{"delta":{"content":"a"},"finish_reason":"stop","usage":COUNTS}]}""")]
    [InlineData("""{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"usage":COUNTS}""")]
    [InlineData("""{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"x_groq":{"usage":COUNTS}}""")]
    public async Task Usage_is_found_where_each_service_puts_it(string last)
    {
        last = last.Replace("COUNTS", """{"prompt_tokens":5,"completion_tokens":3}""", StringComparison.Ordinal);
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => OpenAiWorld.EventsAsync(
            context, ": keep-alive", "event: message\ndata:" + OpenAiWorld.Chunk("b"), last, "[DONE]"));
        (List<string> pieces, ChatOutcome outcome) = await world.ChatAsync(stream: true);
        Assert.Equal(2, pieces.Count);
        Assert.Equal((5, 3, false), (outcome.PromptTokens, outcome.CompletionTokens, outcome.UsageEstimated));
    }

    [Theory]
    [InlineData("""{"error":{"message":"full","code":429}}""", nameof(ModelErrorKind.UpstreamLimited))]
    [InlineData("""{"error":{"message":"full","type":"rate_limit_error"}}""", nameof(ModelErrorKind.UpstreamLimited))]
    [InlineData("""{"error":{"message":"full","code":"500"}}""", nameof(ModelErrorKind.UpstreamFailed))]
    [InlineData("""{"error":"full"}""", nameof(ModelErrorKind.UpstreamFailed))]
    [InlineData("""{"object":"error","message":"full","code":400}""", nameof(ModelErrorKind.InvalidInput))]
    public async Task An_error_with_a_status_of_success_is_an_error(string body, string kind)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context =>
            context.Request.Headers.Accept == "text/event-stream"
                ? OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"), body)
                : AnswerAsync(context, body));
        foreach (bool stream in (bool[])[true, false])
        {
            ModelException failure = await world.ChatFailsAsync(stream);
            Assert.Equal(kind, failure.Kind.ToString());
            Assert.Contains("full", failure.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"choices":[]}""")]
    public async Task A_completion_that_makes_no_sense_is_an_upstream_failure(string body)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, body));
        ModelException failure = await world.ChatFailsAsync(stream: false);
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
        Assert.Contains("can not be used", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_with_garbage_in_it_is_an_upstream_failure_after_what_was_good()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            context => OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"), "{\"choices\":"));
        var pieces = new List<string>();
        ModelException failure = await Assert.ThrowsAsync<ModelException>(() => world.ChatAsync(stream: true, piece =>
        {
            pieces.Add(piece);
            return Task.CompletedTask;
        }));
        Assert.Single(pieces);
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
        Assert.Contains("not JSON", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "broke off")]
    [InlineData(false, "cut off")]
    public async Task A_stream_that_ends_before_the_model_has_stopped_is_an_upstream_failure(bool abort, string said)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"));
            if (abort) context.Abort();
        });
        ModelException failure = await world.ChatFailsAsync(stream: true);
        Assert.Equal((ModelErrorKind.UpstreamFailed, true), (failure.Kind, failure.Retriable));
        Assert.Contains(said, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_without_end_is_not_read_beyond_its_limit()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            context => OpenAiWorld.EventsAsync(
                context, OpenAiWorld.Chunk("a"), OpenAiWorld.Chunk(new string('x', 5_000))),
            options => options.MaxRemoteEventBytes = 1_024);
        ModelException failure = await world.ChatFailsAsync(stream: true);
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
        Assert.Contains("1024 bytes", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "body")]
    [InlineData("[]", "body")]
    [InlineData("{", "body")]
    [InlineData("{}", "messages")]
    [InlineData("""{"messages":[]}""", "messages")]
    [InlineData("""{"messages":"hello"}""", "messages")]
    [InlineData("""{"messages":[{"role":"user","content":"x"}],"n":1,"n":2}""", "body")]
    public async Task A_body_that_is_no_chat_is_refused_by_its_field_before_anything_is_sent(string body, string field)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, Completion));
        ModelException refusal = await world.ChatFailsAsync(stream: false, body);
        Assert.Equal((ModelErrorKind.InvalidInput, field), (refusal.Kind, refusal.Field));
        Assert.Empty(world.Bodies);
    }

    [Fact]
    public async Task A_stream_is_refused_where_the_service_sends_one_whole_completion()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context => AnswerAsync(context, Completion));
        ModelException failure = await world.ChatFailsAsync(stream: true);
        Assert.Equal(ModelErrorKind.UpstreamFailed, failure.Kind);
    }

    private const string Usage = """{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":3}}""";

    private static Task AnswerAsync(HttpContext context, string body)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(body);
    }
}
