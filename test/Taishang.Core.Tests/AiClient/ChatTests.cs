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
    public async Task A_chat_whose_worker_dies_before_its_first_word_moves_to_another()
    {
        await using var dying = await FakeWorker.StartAsync();
        await using var other = await FakeWorker.StartAsync();
        // Whichever is asked first dies.
        var asked = new TaskCompletionSource<FakeWorker>();
        foreach (var worker in (FakeWorker[])[dying, other])
        {
            worker.Chat = async (_, stream, context) =>
            {
                if (asked.TrySetResult(worker)) await Task.Delay(Timeout.Infinite, context.CancellationToken);
                await stream.WriteAsync(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8("1") });
                await stream.WriteAsync(new ChatEvent { Summary = new ChatSummary { CompletionTokens = 1 } });
            };
        }

        await using var world = await ClientWorld.StartAsync($"{dying.Address},{other.Address}");
        await world.UntilAsync(pool => pool.ServingIds().Count == 2);
        var chunks = 0;
        var chatting = world.Client.ChatAsync(
            Request,
            (_, _) =>
            {
                chunks++;
                return Task.CompletedTask;
            },
            CancellationToken.None);
        await (await asked.Task.WaitAsync(ClientWorld.Patience)).KillAsync();
        var summary = await chatting.WaitAsync(ClientWorld.Patience);

        Assert.Equal((1, 1), (chunks, summary.CompletionTokens));
        var calls = (await world.RecordedAsync()).Where(call => call.Method == "Chat").ToList();
        Assert.Equal(["failed", "success"], calls.Select(call => call.Status));
        Assert.Equal([1, 2], calls.Select(call => call.Attempt));
        Assert.NotEqual(calls[0].Address, calls[1].Address);
    }

    [Fact]
    public async Task A_chat_does_not_move_after_its_first_word_nor_from_a_second_worker_that_is_lost()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        await using var three = await FakeWorker.StartAsync();
        FakeWorker[] all = [one, two, three];
        var lost = new RpcException(new Status(StatusCode.Unavailable, "leaving"));
        await using var world = await ClientWorld.StartAsync(string.Join(',', all.Select(worker => worker.Address)));
        await world.UntilAsync(pool => pool.ServingIds().Count == 3);

        foreach (var worker in all) worker.Chat = (_, _, _) => throw lost;
        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.ChatAsync(Request, (_, _) => Task.CompletedTask, CancellationToken.None));
        Assert.Equal((ErrorCodes.AiUnavailable, 2), (error.Code, all.Sum(worker => worker.Count("Chat"))));

        foreach (var worker in all)
        {
            worker.Chat = async (_, stream, _) =>
            {
                await stream.WriteAsync(new ChatEvent { ChunkJson = ByteString.CopyFromUtf8("1") });
                throw lost;
            };
        }

        await Assert.ThrowsAsync<ApiException>(
            () => world.Client.ChatAsync(Request, (_, _) => Task.CompletedTask, CancellationToken.None));
        Assert.Equal(3, all.Sum(worker => worker.Count("Chat")));
    }

    [Fact]
    public async Task A_worker_that_is_stopping_gives_a_chat_away_and_one_whose_model_failed_does_not()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        var code = 0;
        foreach (var worker in (FakeWorker[])[one, two])
        {
            worker.Chat = (_, _, _) => throw new RpcException(
                new Status(StatusCode.Unavailable, "no"), new Metadata { { "taishang-code", $"{code}" } });
        }

        await using var world = await ClientWorld.StartAsync($"{one.Address},{two.Address}");
        foreach (var (said, sent) in ((int, int)[])[(90012, 1), (10017, 2)])
        {
            await world.UntilAsync(pool => pool.ServingIds().Count == 2);
            code = said;
            var before = one.Count("Chat") + two.Count("Chat");
            var error = await Assert.ThrowsAsync<ApiException>(
                () => world.Client.ChatAsync(Request, (_, _) => Task.CompletedTask, CancellationToken.None));
            Assert.Equal((said, sent), (error.Code.Number, one.Count("Chat") + two.Count("Chat") - before));
        }
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
