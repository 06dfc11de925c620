using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Rpc;
using Taishang.Ai.Tests.Models;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class ChatCallsTests : IDisposable
{
    private const string Question = """{"messages":[{"role":"user","content":"How are you?"}]}""";
    private const string Completion = """
        {"object":"chat.completion","choices":[{"message":{"content":"Well."},"finish_reason":"stop"}],
         "usage":{"prompt_tokens":7,"completion_tokens":2}}
        """;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_chat_ends_with_its_summary()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await using var service = await EmbeddingServer.StartAsync();
        service.Instead = context => context.Response.WriteAsync(Completion);
        var events = await ReadAsync(worker, Request(service));
        Assert.Equal(2, events.Count);
        Assert.Equal(Completion, events[0].CompletionJson.ToStringUtf8());
        var summary = events[1].Summary;
        Assert.Equal((7, 2, "stop", false),
            (summary.PromptTokens, summary.CompletionTokens, summary.FinishReason, summary.UsageEstimated));
        Assert.True(summary.ModelMs > 0);
    }

    [Fact]
    public async Task A_streamed_chat_gives_its_chunks_before_the_summary()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await using var service = await EmbeddingServer.StartAsync();
        service.Instead = context => OpenAiWorld.EventsAsync(
            context, OpenAiWorld.Chunk("We"), OpenAiWorld.Chunk("ll.", "stop"), "[DONE]");
        var request = Request(service);
        request.Stream = true;
        var events = await ReadAsync(worker, request);
        Assert.Equal([OpenAiWorld.Chunk("We"), OpenAiWorld.Chunk("ll.", "stop")],
            events.SkipLast(1).Select(piece => piece.ChunkJson.ToStringUtf8()));
        Assert.True(events[^1].Summary.UsageEstimated);
    }

    [Fact]
    public async Task What_a_service_limits_or_refuses_has_its_code_and_its_wait()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await using var service = await EmbeddingServer.StartAsync();
        service.Instead = context =>
        {
            context.Response.StatusCode = 429;
            context.Response.Headers.RetryAfter = "3";
            return Task.CompletedTask;
        };
        var limited = await Refusal.ExpectAsync(
            ErrorCode.ModelUpstreamLimited, "model", () => ReadAsync(worker, Request(service)));
        Assert.Equal("3000", limited.Trailers.GetValue(WorkerErrors.RetryAfterTrailer));
        await Refusal.ExpectAsync(
            ErrorCode.ModelInputInvalid, "messages", () => ReadAsync(worker, Request(service, "{}")));
        await Refusal.ExpectAsync(
            ErrorCode.ModelNotLoaded, "model", () => ReadAsync(worker, new ChatRequest
            {
                Model = new ModelSpec { Name = "taishang-embed", Provider = "builtin" },
                BodyJson = ByteString.CopyFromUtf8(Question),
            }));
        await Refusal.ExpectAsync(
            ErrorCode.InvalidArgument, "model", () => ReadAsync(worker, new ChatRequest()));
    }

    [Fact]
    public async Task A_caller_who_leaves_takes_the_services_connection_along()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await using var service = await EmbeddingServer.StartAsync();
        var aborted = new TaskCompletionSource();
        service.Instead = async context =>
        {
            context.RequestAborted.Register(() => aborted.TrySetResult());
            await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"));
            await aborted.Task.WaitAsync(OpenAiWorld.Bound);
        };
        var request = Request(service);
        request.Stream = true;
        using (var call = worker.Client.Chat(request))
        {
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None));
        }

        await aborted.Task.WaitAsync(OpenAiWorld.Bound);
    }

    [Theory]
    [InlineData("""{"task":"chat"}""")]
    [InlineData("{}")]
    public async Task A_test_of_a_chat_model_completes_a_chat(string config)
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await using var service = await EmbeddingServer.StartAsync();
        service.Instead = context =>
        {
            if (context.Request.Path.Value?.EndsWith("/chat/completions", StringComparison.Ordinal) == true)
                return context.Response.WriteAsync(Completion);
            context.Response.StatusCode = 404;
            return Task.CompletedTask;
        };
        var model = Spec(service);
        model.ConfigJson = config;
        var answer = await worker.Client.TestModelAsync(new TestModelRequest { Model = model });
        Assert.True(answer.Passed, answer.Reason);
        Assert.Equal("chat", answer.Kind);
        Assert.True(answer.LatencyMs > 0);
    }

    private static ModelSpec Spec(EmbeddingServer service) =>
        new() { Name = "m", Provider = "openai", Endpoint = service.Endpoint };

    private static ChatRequest Request(EmbeddingServer service, string body = Question) =>
        new() { Model = Spec(service), BodyJson = ByteString.CopyFromUtf8(body) };

    private static async Task<List<ChatEvent>> ReadAsync(WorkerHost worker, ChatRequest request)
    {
        var events = new List<ChatEvent>();
        using var call = worker.Client.Chat(request);
        await foreach (var piece in call.ResponseStream.ReadAllAsync()) events.Add(piece);
        return events;
    }
}
