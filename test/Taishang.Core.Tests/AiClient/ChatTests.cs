using Google.Protobuf;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.AiClient;

public sealed class ChatTests
{
    private static readonly ChatRequest Request = new()
    {
        Model = new ModelSpec { Name = "talk", ConfigJson = """{"api_key":"secret"}""" },
        BodyJson = ByteString.CopyFromUtf8("""{"messages":[]}"""),
        Stream = true,
    };

    [Fact]
    public async Task A_chat_is_passed_on_as_it_comes_and_recorded_once()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Chat = async (_, stream, _) =>
        {
            await stream.WriteAsync(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8("1") });
            await stream.WriteAsync(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8("2") });
            await stream.WriteAsync(new ChatEvent { Summary = new ChatSummary { CompletionTokens = 2 } });
        };
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var chunks = new List<string>();
        var summary = await world.Client.ChatAsync(
            Request,
            (one, _) =>
            {
                chunks.Add(one.ChunkJson.ToStringUtf8());
                return Task.CompletedTask;
            },
            CancellationToken.None);
        Assert.Equal((2, 2), (chunks.Count, summary.CompletionTokens));
        var call = Assert.Single(await world.RecordedAsync(), call => call.Method == "Chat");
        Assert.Equal("success", call.Status);
        Assert.DoesNotContain("secret", call.Request, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_ends_without_a_summary_is_a_failure()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.ChatAsync(Request, (_, _) => Task.CompletedTask, CancellationToken.None));
        Assert.Equal(ErrorCodes.AiFailed, error.Code);
        Assert.Equal(1, worker.Count("Chat"));
    }

    [Fact]
    public async Task A_caller_that_goes_away_ends_the_call_at_the_worker()
    {
        await using var worker = await FakeWorker.StartAsync();
        var ended = new TaskCompletionSource();
        worker.Chat = async (_, stream, context) =>
        {
            await stream.WriteAsync(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8("1") });
            await using var registration = context.CancellationToken.Register(ended.SetResult);
            await ended.Task;
        };
        await using var world = await ClientWorld.StartAsync(worker.Address);
        using var cancellation = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.Client.ChatAsync(
            Request, (_, _) => cancellation.CancelAsync(), cancellation.Token));
        await ended.Task.WaitAsync(ClientWorld.Patience);
        var call = Assert.Single(await world.RecordedAsync(), call => call.Method == "Chat");
        Assert.Equal("cancelled by the caller", call.ErrorMsg);
    }

    [Fact]
    public async Task A_limit_of_the_model_comes_with_its_wait()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Chat = (_, _, _) => throw new RpcException(
            new Status(StatusCode.ResourceExhausted, "slow down"),
            new Metadata { { "taishang-code", "90014" }, { "taishang-retry-after-ms", "7000" } });
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.ChatAsync(Request, (_, _) => Task.CompletedTask, CancellationToken.None));
        Assert.Equal((ErrorCodes.ModelUpstreamLimited, TimeSpan.FromSeconds(7)), (error.Code, error.RetryAfter));
    }
}
