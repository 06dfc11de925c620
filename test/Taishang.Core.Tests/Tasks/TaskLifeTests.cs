using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tests.Vectors;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Stop, cancel, shutdown and failure of tasks that really work.</summary>
public sealed class TaskLifeTests
{
    private const string Tasks = "/api/taishang/tasks";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Ten_thousand_texts_are_embedded_once_each_over_stops_and_starts(Dialect dialect)
    {
        const int count = 10_000;
        await using var world = await VectorWorld.StartAsync(dialect, new Dictionary<string, string>
        {
            ["Vectors:EmbedBatchTexts"] = "250",
            ["Tasks:VerbWaitMs"] = "20000",
        });
        await CreateNotesAsync(world);
        var seen = new ConcurrentDictionary<string, int>();
        var batches = 0;
        var stopAt = new SemaphoreSlim(0);
        var goOn = new SemaphoreSlim(0);
        world.Worker.Ai.OnAsync(AiCalls.ComputeEmbedding, async (request, cancellation) =>
        {
            foreach (var text in request.Texts) seen.AddOrUpdate(text, 1, (_, times) => times + 1);
            // In the middle of three batches somebody stops the task; what is asked for is still answered.
            if (Interlocked.Increment(ref batches) is 5 or 17 or 30)
            {
                stopAt.Release();
                await goOn.WaitAsync(cancellation);
            }

            return Embeddings(request);
        });
        var texts = JsonSerializer.Serialize(Enumerable.Range(0, count).Select(i => $"text {i}"));
        var id = (await world.Api.PostAsync(
            Tasks, $$"""{"type":"embedding","payload":{"collection":"notes","texts":{{texts}} } }""")).String("id");

        for (var stop = 0; stop < 3; stop++)
        {
            Assert.True(await stopAt.WaitAsync(TaskWorld.Patience));
            var stopping = world.Api.PostAsync($"{Tasks}/{id}/stop");
            await UntilAsync(async () => (await TrailAsync(world, id)).Count(verb => verb == "stop") == 2 * stop + 1);
            goOn.Release();
            Assert.Equal("pending", (await stopping).String("status"));
            await world.Api.PostAsync($"{Tasks}/{id}/start");
        }

        await UntilAsync(async () => (await world.Api.GetAsync($"{Tasks}/{id}")).String("status") == "completed");
        Assert.Equal(count, seen.Count);
        Assert.All(seen.Values, times => Assert.Equal(1, times));
        Assert.Equal(count / 250, batches);
        var rows = await world.Api.GetAsync("/api/taishang/vectors/count?collection=notes");
        Assert.Equal(count, rows["count"].GetInt64());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_cancel_ends_the_call_to_ai_that_runs(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(
            dialect, new Dictionary<string, string> { ["Tasks:VerbWaitMs"] = "20000" });
        await CreateNotesAsync(world);
        var asked = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        world.Worker.Ai.OnAsync(AiCalls.ComputeEmbedding, async (request, cancellation) =>
        {
            asked.TrySetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, cancellation);
            }
            finally
            {
                ended.TrySetResult();
            }

            return Embeddings(request);
        });
        var id = (await world.Api.PostAsync(
            Tasks, """{"type":"embedding","payload":{"collection":"notes","texts":["a"]}}""")).String("id");
        await asked.Task.WaitAsync(TaskWorld.Patience);

        Assert.Equal("cancelled", (await world.Api.PostAsync($"{Tasks}/{id}/cancel")).String("status"));

        await ended.Task.WaitAsync(TaskWorld.Patience);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_stop_waits_for_a_step_no_longer_than_it_may(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options => options.StopGraceMs = 30);
        var began = new TaskCompletionSource();
        var executor = new ParkingExecutor(async (_, cancellation) =>
        {
            began.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return null;
        });
        await world.AddNode(executor).StartAsync();
        var task = await world.AddAsync();
        await began.Task.WaitAsync(TaskWorld.Patience);

        Assert.Equal("pending", await world.Node.DoAsync(task.Id, TaskVerb.Stop));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_shutdown_lets_attempts_finish_parks_others_and_gives_the_rest_back_at_once(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options =>
        {
            options.ShutdownFinishMs = 200;
            options.ShutdownGraceMs = 50;
            options.LeaseMs = 600_000;
        });
        var began = new CountdownEvent(3);
        var deaf = new TaskCompletionSource<string?>();
        var node = await world.AddNode(new ParkingExecutor(async (context, cancellation) =>
        {
            began.Signal();
            var kind = context.Payload.GetProperty("collection").GetString();
            if (kind == "deaf") return await deaf.Task;
            while (!context.StopAsked) await Task.Delay(2, cancellation);
            if (kind == "finishes") return "{}";
            await context.SaveCheckpointAsync("""{"step":1}""", cancellation);
            context.ParkIfAsked();
            return null;
        })).StartAsync();
        var tasks = new Dictionary<string, AiTask>();
        foreach (var kind in new[] { "finishes", "parks", "deaf" })
        {
            tasks[kind] = await world.AddAsync(
                task => task with { PayloadJson = $$"""{"collection":"{{kind}}"}""" });
        }

        Assert.True(await Task.Run(() => began.Wait(TaskWorld.Patience)));

        await node.StopAsync();

        Assert.Equal("completed", (await world.GetAsync(tasks["finishes"].Id)).Status);
        var parked = await world.GetAsync(tasks["parks"].Id);
        Assert.Equal((TaskState.Queued, 0, """{"step":1}"""), (parked.State, parked.Attempt, parked.Checkpoint));
        var given = await world.GetAsync(tasks["deaf"].Id);
        Assert.Equal((TaskState.Queued, 0), (given.State, given.Attempt));
        // Its late end bounces.
        var second = await world.Node.ClaimAsync("next");
        deaf.SetResult("""{"late":true}""");
        Assert.Equal(2, second.Count);
        foreach (var claim in second)
            Assert.True(await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed), "next"));
        Assert.Null((await world.GetAsync(tasks["deaf"].Id)).Result);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_that_failed_tells_the_story_of_every_attempt(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 3 });
        var first = await world.Node.ClaimOneAsync("w1");
        await world.Node.SettleAsync(new Settlement(first, AttemptEnd.Failed) { Error = "the model is busy" });
        await world.Node.ClaimOneAsync("w2");
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await world.Node.RescueAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        var third = await world.Node.ClaimOneAsync("w3");
        await world.Node.SettleAsync(new Settlement(third, AttemptEnd.Failed) { Error = "out of memory" }, "w3");

        var story = world.Node.Get<TaskStory>();
        var errors = await story.ReadAsync(await world.GetAsync(task.Id), default);

        Assert.NotNull(errors);
        Assert.Equal([1, 2, 3], errors.Select(error => error.Attempt));
        Assert.Equal("the model is busy", errors[0].Error);
        Assert.Contains("w2 stopped renewing its lease", errors[1].Error, StringComparison.Ordinal);
        Assert.Equal(("out of memory", "worker w3"), (errors[2].Error, errors[2].Actor));
        await world.Node.DoAsync(task.Id, TaskVerb.Retry);
        Assert.Null(await story.ReadAsync(await world.GetAsync(task.Id), default));
        var again = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(again, AttemptEnd.Failed) { Error = "anew" });
        Assert.Equal(["anew"], (await story.ReadAsync(await world.GetAsync(task.Id), default))!.Select(e => e.Error));
    }

    [Fact]
    public void Types_have_defaults_of_their_own_and_configuration_changes_single_values()
    {
        var options = new TaskOptions();
        new ConfigurationBuilder()
            .AddInMemoryCollection(new Dictionary<string, string?>
            {
                ["Types:embedding:MaxAttempts"] = "7",
                ["Types:own:RunningMax"] = "2",
                ["Tenants:acme"] = "4",
            })
            .Build().Bind(options);

        Assert.Null(options.Validate());
        var brought = new TaskOptions().Of("embedding");
        Assert.Equal((7, brought.TimeoutMs), (options.Of("embedding").MaxAttempts, options.Of("embedding").TimeoutMs));
        Assert.NotEqual(options.Default.TimeoutMs, brought.TimeoutMs);
        Assert.Equal((2, 3), (options.Of("own").RunningMax, options.Of("own").MaxAttempts));
        Assert.Equal(4, options.TenantMax("acme"));
        Assert.Equal(1, options.Of("training").MaxAttempts);
    }

    private static async Task CreateNotesAsync(VectorWorld world)
    {
        await world.RegisterModelAsync();
        await world.CreateAsync(
            "notes", FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
    }

    private static ComputeEmbeddingResponse Embeddings(ComputeEmbeddingRequest request)
    {
        var response = new ComputeEmbeddingResponse { Dims = FakeWorker.EmbeddingDims, Tokens = request.Texts.Count };
        foreach (var _ in request.Texts)
        {
            var embedding = new Embedding();
            embedding.Values.AddRange(Enumerable.Repeat(1f, FakeWorker.EmbeddingDims));
            response.Embeddings.Add(embedding);
        }

        return response;
    }

    private static async Task<string[]> TrailAsync(VectorWorld world, string id) =>
        [.. (await world.Api.GetAsync($"{Tasks}/{id}/events?page_size=200"))["events"].EnumerateArray()
            .Select(line => line.GetProperty("verb").GetString() ?? "")];

    private static async Task UntilAsync(Func<Task<bool>> holds)
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while (!await holds()) await Task.Delay(5, limit.Token);
    }

    /// <summary>Looks by itself at whether it should stop.</summary>
    private sealed class ParkingExecutor(Func<TaskContext, CancellationToken, Task<string?>> run) : ITaskExecutor
    {
        public string Type => "index";

        public bool ParksItself => true;

        public void Validate(JsonElement payload, PayloadErrors errors)
        {
            // Whatever the test gives is fine.
        }

        public Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation) =>
            run(context, cancellation);
    }
}
