using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Taishang.Ai.Models;

namespace Taishang.Ai.Tests.Models;

public sealed class OpenAiBatchesTests
{
    private const string Config = """{"batch_size":2,"parallel_batches":3}""";

    private static readonly string[] Texts = [.. Enumerable.Range(1, 13).Select(n => new string('x', n))];

    private static string[] TextsOf(HttpContext context) =>
        [.. ((JsonElement)context.Items[OpenAiWorld.BodyItem]!).GetProperty("input").EnumerateArray()
            .Select(text => text.GetString() ?? "")];

    private static Task AnswerAsync(HttpContext context) => context.Response.WriteAsJsonAsync(new
    {
        data = TextsOf(context).Select((text, index) => new { index, embedding = (float[])[text.Length, 1] }),
        usage = new { prompt_tokens = TextsOf(context).Sum(text => text.Length) },
    });

    [Fact]
    public async Task As_many_batches_as_are_set_are_under_way_at_once_and_the_order_is_kept()
    {
        int running = 0;
        int most = 0;
        var full = new TaskCompletionSource();
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            if (TextsOf(context) is not ["probe"])
            {
                int now = Interlocked.Increment(ref running);
                InterlockedMax(ref most, now);
                if (now == 3) full.TrySetResult();
                // The first three wait for each other: sent one after the other, they would never end.
                await full.Task;
                Interlocked.Decrement(ref running);
            }
            await AnswerAsync(context);
        });

        (_, EmbeddingBatch batch) = await world.Embeddings.EmbedAsync(world.Reference(Config), Texts, default)
            .AsTask().WaitAsync(OpenAiWorld.Bound);

        Assert.Equal(3, most);
        Assert.Equal(8, world.Bodies.Count);
        Assert.Equal(
            Texts.Select(text => (float)text.Length), Enumerable.Range(0, 13).Select(row => batch[row].Span[0]));
        Assert.Equal(Texts.Sum(text => text.Length), batch.TotalTokens);
    }

    [Fact]
    public async Task The_first_batch_that_fails_cancels_the_others_and_none_is_begun_after_it()
    {
        int under = 0;
        var both = new TaskCompletionSource();
        var ended = new CountdownEvent(2);
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            string[] texts = TextsOf(context);
            if (texts is ["probe"])
            {
                await AnswerAsync(context);
                return;
            }
            if (Interlocked.Increment(ref under) == 3) both.TrySetResult();
            await both.Task;
            if (texts[0].Length == 3)
            {
                context.Response.StatusCode = 400;
                await context.Response.WriteAsync("too long");
                return;
            }
            try
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted);
            }
            finally
            {
                ended.Signal();
            }
        });

        ModelException failure = await Assert.ThrowsAsync<ModelException>(
            () => world.Embeddings.EmbedAsync(world.Reference(Config), Texts, default).AsTask()
                .WaitAsync(OpenAiWorld.Bound));

        Assert.Equal(ModelErrorKind.InvalidInput, failure.Kind);
        Assert.Contains("too long", failure.Message, StringComparison.Ordinal);
        Assert.True(await Task.Run(() => ended.Wait(OpenAiWorld.Bound)));
        // The probe and three batches of seven.
        Assert.Equal(4, world.Bodies.Count);
    }

    [Fact]
    public async Task A_caller_that_leaves_ends_all_batches()
    {
        int under = 0;
        using var caller = new CancellationTokenSource();
        await using OpenAiWorld world = await OpenAiWorld.StartAsync(async context =>
        {
            if (TextsOf(context) is ["probe"])
            {
                await AnswerAsync(context);
                return;
            }
            if (Interlocked.Increment(ref under) == 3) await caller.CancelAsync();
            await Task.Delay(Timeout.Infinite, context.RequestAborted);
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => world.Embeddings.EmbedAsync(world.Reference(Config), Texts, caller.Token).AsTask()
                .WaitAsync(OpenAiWorld.Bound, CancellationToken.None));

        Assert.Equal(4, world.Bodies.Count);
    }

    private static void InterlockedMax(ref int most, int now)
    {
        for (int seen = most; seen < now; seen = most) Interlocked.CompareExchange(ref most, now, seen);
    }
}
