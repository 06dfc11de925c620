using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

/// <summary>Limits of time, waits that a service asks for, and calls that are given up.</summary>
public sealed class OpenAiTimingTests
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 2, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("Retry-After", "7", 7_000)]
    [InlineData("Retry-After", "Fri, 02 Jan 2026 12:01:30 GMT", 90_000)]
    [InlineData("Retry-After", "Fri, 02 Jan 2026 11:00:00 GMT", 0)]
    [InlineData("Retry-After", "soon", null)]
    [InlineData("retry-after-ms", "250", 250)]
    public async Task A_wait_that_the_service_asks_for_is_passed_on(string header, string value, int? ms)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            context =>
            {
                context.Response.StatusCode = 429;
                context.Response.Headers[header] = value;
                return context.Response.WriteAsync("""{"error":{"message":"slow down"}}""");
            },
            time: new FakeTimeProvider(Noon));
        ModelException failure = await world.ChatFailsAsync(stream: true);
        Assert.Equal(ModelErrorKind.UpstreamLimited, failure.Kind);
        Assert.Equal(ms, failure.RetryAfter?.TotalMilliseconds);
        Assert.Equal("The service answered 429: slow down.", failure.Message);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task Nothing_is_tried_again_here(int status)
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            return Task.CompletedTask;
        });
        await world.ChatFailsAsync(stream: false);
        Assert.Single(world.Bodies);
    }

    [Fact]
    public async Task A_stream_may_take_long_as_long_as_each_piece_comes_in_time()
    {
        var time = new FakeTimeProvider(Noon);
        var read = new SemaphoreSlim(0);
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(
            async context =>
            {
                for (int piece = 0; piece < 4; piece++)
                {
                    await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"));
                    await read.WaitAsync(OpenAiWorld.Bound);
                }
                await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted)
                    .ContinueWith(_ => { }, TaskScheduler.Default);
            },
            options => options.RemoteTimeoutMs = 1_000, time);
        int pieces = 0;
        var last = new TaskCompletionSource();
        Task<ChatOutcome> chat = world.ChatAsync(stream: true, _ =>
        {
            // Between two waits the clock stands still, so a slow reader is nobody's timeout.
            time.Advance(TimeSpan.FromMilliseconds(900));
            if (++pieces == 4) last.SetResult();
            read.Release();
            return Task.CompletedTask;
        });
        await last.Task.WaitAsync(OpenAiWorld.Bound);
        while (!chat.IsCompleted)
        {
            time.Advance(TimeSpan.FromMilliseconds(600));
            await Task.Yield();
        }
        ModelException failure = await Assert.ThrowsAsync<ModelException>(() => chat);
        Assert.Equal(ModelErrorKind.UpstreamTimeout, failure.Kind);
        Assert.Equal(4, pieces);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_call_that_is_given_up_breaks_its_connection_off_at_once(bool whileWriting)
    {
        var aborted = new TaskCompletionSource();
        var here = new TaskCompletionSource();
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            context.RequestAborted.Register(() => aborted.TrySetResult());
            if (whileWriting) await OpenAiWorld.EventsAsync(context, OpenAiWorld.Chunk("a"));
            here.TrySetResult();
            await aborted.Task.WaitAsync(OpenAiWorld.Bound);
        });
        using var leaving = new CancellationTokenSource();
        Task chat = world.ChatAsync(stream: true, cancellation: leaving.Token);
        await here.Task.WaitAsync(OpenAiWorld.Bound);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => chat);
        await aborted.Task.WaitAsync(OpenAiWorld.Bound);
    }

    [Fact]
    public async Task A_service_that_can_not_be_connected_costs_its_connect_timeout_and_no_more()
    {
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(connector: async (_, _, cancellation) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
            return Stream.Null;
        });
        ModelException failure = await world.ChatFailsAsync(stream: false, config: """{"connect_timeout_ms":100}""");
        Assert.Equal((ModelErrorKind.UpstreamTimeout, true), (failure.Kind, failure.Retriable));
        Assert.Equal("The service could not be connected within 100 ms.", failure.Message);
    }
}
