using System.Collections.Concurrent;
using System.Diagnostics;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Workers as they run, on the real clock; what they wait for is signalled, never slept for.</summary>
public sealed class TaskWorkerTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Each_task_is_run_once_by_one_of_two_workers(Dialect dialect)
    {
        const int count = 200;
        await using var world = await TaskWorld.LiveAsync(dialect);
        var runs = new ConcurrentDictionary<string, int>();
        var all = new TaskCompletionSource();
        var executor = new TestExecutor("index", (context, _) =>
        {
            runs.AddOrUpdate(context.TaskId, 1, (_, n) => n + 1);
            if (runs.Count == count) all.TrySetResult();
            return Task.FromResult<string?>("{}");
        });
        await world.AddNode(executor).StartAsync();
        await world.AddNode(executor).StartAsync();

        var tasks = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => world.AddAsync()));
        await all.Task.WaitAsync(TaskWorld.Patience);

        foreach (var task in tasks) Assert.Equal("completed", (await world.WaitEndAsync(task.Id)).Status);
        Assert.All(runs.Values, times => Assert.Equal(1, times));
        Assert.Equal(count, runs.Count);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_cancel_reaches_a_task_that_runs_in_another_process(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var began = new TaskCompletionSource();
        await world.AddNode(Endless(began)).StartAsync();
        var task = await world.AddAsync();
        await began.Task.WaitAsync(TaskWorld.Patience);

        // The verb itself waits for the worker.
        Assert.Equal("cancelled", await world.Node.DoAsync(task.Id, TaskVerb.Cancel));
        Assert.Equal("cancelled", (await world.GetAsync(task.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_stopped_task_resumes_from_its_checkpoint_and_does_nothing_twice(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var steps = new ConcurrentQueue<int>();
        var half = new TaskCompletionSource();
        var executor = new TestExecutor("index", async (context, cancellation) =>
        {
            var from = context.Checkpoint is { } checkpoint ? int.Parse(checkpoint) : 0;
            for (var step = from; step < 10; step++)
            {
                steps.Enqueue(step);
                context.ReportProgress((step + 1) * 10);
                await context.SaveCheckpointAsync((step + 1).ToString(), cancellation);
                if (step != 4 || from > 0) continue;
                half.SetResult();
                await Task.Delay(Timeout.Infinite, cancellation);
            }

            return "{}";
        });
        await world.AddNode(executor).StartAsync();
        var task = await world.AddAsync();
        await half.Task.WaitAsync(TaskWorld.Patience);

        Assert.Equal("pending", await world.Node.DoAsync(task.Id, TaskVerb.Stop));
        Assert.Equal(50, (await world.GetAsync(task.Id)).Progress);
        await world.Node.DoAsync(task.Id, TaskVerb.Start);

        Assert.Equal(("completed", 100, 1), await EndAsync(world, task));
        Assert.Equal(Enumerable.Range(0, 10), steps);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_worker_that_stops_gives_its_tasks_back_at_once(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var began = new TaskCompletionSource();
        var first = await world.AddNode(Endless(began)).StartAsync();
        var task = await world.AddAsync();
        await began.Task.WaitAsync(TaskWorld.Patience);

        await first.StopAsync();

        var waiting = await world.GetAsync(task.Id);
        Assert.Equal((TaskState.Queued, 0), (waiting.State, waiting.Attempt));
        Assert.Equal(["create queued", "claim running", "requeue queued"], await world.TrailAsync(task.Id));
        await world.AddNode(new TestExecutor("index")).StartAsync();
        Assert.Equal(("completed", 100, 1), await EndAsync(world, task));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_restarted_process_goes_on_with_what_its_last_life_left_running(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var task = await world.AddAsync();
        await world.Node.ClaimOneAsync("killed");

        await world.AddNode(new TestExecutor("index"), options => options.OnlyProcess = true).StartAsync();

        Assert.Equal(("completed", 100, 2), await EndAsync(world, task));
        Assert.Contains("rescue queued", await world.TrailAsync(task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_claim_whose_answer_was_lost_runs_out_though_its_worker_lives(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options => options.LeaseMs = 3_000);
        var began = new TaskCompletionSource();
        var node = world.AddNode(new TestExecutor("index", async (context, cancellation) =>
        {
            if (!context.Payload.TryGetProperty("long", out _)) return "{}";
            began.TrySetResult();
            await Task.Delay(Timeout.Infinite, cancellation);
            return null;
        }));
        var lost = await world.AddAsync();
        await node.ClaimOneAsync(node.Worker.WorkerId);
        await node.StartAsync();
        var other = await world.AddAsync(task => task with { PayloadJson = """{"long":true}""" });
        await began.Task.WaitAsync(TaskWorld.Patience);

        Assert.Equal(("completed", 100, 2), await EndAsync(world, lost));
        var running = await world.GetAsync(other.Id);
        Assert.Equal(("running", 1), (running.Status, running.Attempt));
    }

    [Fact]
    public async Task Another_process_is_told_of_new_work_and_does_not_wait_for_its_poll()
    {
        await using var world = await TaskWorld.LiveAsync(
            Dialect.PostgreSql, options => options.PollIntervalMs = 60_000);
        var began = new TaskCompletionSource();
        await world.AddNode(Endless(began)).StartAsync();
        // Only notices leave here: what this process creates it does not run.
        var creator = await world.AddNode(new TestExecutor("other")).StartAsync();
        await world.ListeningAsync(2);

        var task = await creator.Get<TaskCreator>().CreateAsync(new NewTask("index", "{}"), default);
        await began.Task.WaitAsync(TaskWorld.Patience);

        Assert.Equal("cancelled", await creator.DoAsync(task.Id, TaskVerb.Cancel));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_another_process_queues_counts_towards_the_limit_and_what_it_ends_no_more(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var idle = new TestExecutor("other");
        var node = await world.AddNode(idle, options => options.QueueMax = 2).StartAsync();
        var depth = node.Get<TaskDepth>();
        var tasks = new[] { await world.AddAsync(), await world.AddAsync() };

        await UntilAsync(() => depth.Room == 0);

        var creator = node.Get<TaskCreator>();
        var full = await Assert.ThrowsAsync<ApiException>(
            () => creator.CreateAsync(new NewTask("index", "{}"), default));
        Assert.Equal(ErrorCodes.TaskQueueFull, full.Code);
        await world.Node.DoAsync(tasks[0].Id, TaskVerb.Cancel);
        await UntilAsync(() => depth.Room == 1);
        await creator.CreateAsync(new NewTask("index", "{}"), default);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_attempt_past_its_deadline_fails_and_says_so(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        await world.AddNode(Endless(new TaskCompletionSource())).StartAsync();
        var task = await world.AddAsync(task => task with { TimeoutMs = 30, MaxAttempts = 1 });

        var failed = await world.WaitEndAsync(task.Id);

        Assert.Equal("failed", failed.Status);
        Assert.Contains("passed its deadline of 30 ms", failed.ErrorMsg, StringComparison.Ordinal);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_hung_executor_is_left_behind_and_does_not_block_its_worker(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options =>
        {
            options.LeaseMs = 600;
            options.HungGraceMs = 50;
            options.Parallelism = 1;
            options.ShutdownGraceMs = 50;
        });
        var hung = new TaskCompletionSource<string?>();
        var executor = new TestExecutor("index", (context, _) =>
            context.Attempt == 1 ? hung.Task : Task.FromResult<string?>("{}"));
        await world.AddNode(executor).StartAsync();
        // A machine under load may let a later attempt pass its short deadline too.
        var task = await world.AddAsync(task => task with { TimeoutMs = 30, MaxAttempts = 100 });

        var (status, progress, attempt) = await EndAsync(world, task);
        Assert.Equal(("completed", 100), (status, progress));
        Assert.InRange(attempt, 2, 100);
        hung.SetResult("""{"late":true}""");
        Assert.Equal("{}", (await world.GetAsync(task.Id)).Result);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_failure_is_retried_and_one_marked_as_final_is_not(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var executor = new TestExecutor("index", (context, _) => context.Payload.GetProperty("collection").GetString()
            switch
            {
                "flaky" when context.Attempt < 3 => throw new InvalidDataException("not yet"),
                "final" => throw new TaskFailedException("never", retriable: false),
                "broken" => Task.FromResult<string?>("not json"),
                _ => Task.FromResult<string?>("{}"),
            });
        await world.AddNode(executor).StartAsync();
        var flaky = await world.AddAsync(task => task with { PayloadJson = """{"collection":"flaky"}""" });
        var final = await world.AddAsync(task => task with { PayloadJson = """{"collection":"final"}""" });
        var broken = await world.AddAsync(task => task with { PayloadJson = """{"collection":"broken"}""" });

        Assert.Equal(("completed", 100, 3), await EndAsync(world, flaky));
        Assert.Equal(("failed", 0, 1), await EndAsync(world, final));
        Assert.Equal("never", (await world.GetAsync(final.Id)).ErrorMsg);
        Assert.Equal(("failed", 0, 1), await EndAsync(world, broken));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_attempt_belongs_to_the_trace_of_the_request_that_created_it(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var seen = new TaskCompletionSource<string?>();
        await world.AddNode(new TestExecutor("index", (_, _) =>
        {
            seen.TrySetResult(Activity.Current?.TraceId.ToHexString());
            return Task.FromResult<string?>(null);
        })).StartAsync();
        using var request = new Activity("request").Start();

        var task = await world.AddAsync();

        Assert.Equal(request.TraceId.ToHexString(), await seen.Task.WaitAsync(TaskWorld.Patience));
        Assert.Equal(request.TraceId.ToHexString(), task.TraceId);
    }

    [Fact]
    public async Task A_worker_goes_on_after_its_database_was_locked()
    {
        await using var world = await TaskWorld.LiveAsync(Dialect.Sqlite);
        world.Data.Options.BusyTimeoutSeconds = 1;
        var go = new TaskCompletionSource();
        var began = new TaskCompletionSource();
        var node = world.AddNode(new TestExecutor("index", async (_, cancellation) =>
        {
            began.TrySetResult();
            await go.Task.WaitAsync(cancellation);
            return "{}";
        }));
        await node.StartAsync();
        var task = await world.AddAsync();
        await began.Task.WaitAsync(TaskWorld.Patience);

        await using (var foreign = new Microsoft.Data.Sqlite.SqliteConnection(
            $"Data Source={world.Data.Options.Connection};Pooling=False"))
        {
            await foreign.OpenAsync();
            await using var locked = foreign.BeginTransaction(deferred: false);
            go.SetResult();
            // A write of ours meets the lock and is refused: so was, or will be, the worker's.
            await Assert.ThrowsAnyAsync<Exception>(() => node.Store.CreateForTestAsync(node));
        }

        Assert.Equal("completed", (await world.WaitEndAsync(task.Id)).Status);
    }

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var limit = new CancellationTokenSource(TaskWorld.Patience);
        while (!holds()) await Task.Delay(5, limit.Token);
    }

    private static TestExecutor Endless(TaskCompletionSource began) => new("index", async (_, cancellation) =>
    {
        began.TrySetResult();
        await Task.Delay(Timeout.Infinite, cancellation);
        return null;
    });

    private static async Task<(string Status, int Progress, int Attempt)> EndAsync(TaskWorld world, AiTask task)
    {
        var ended = await world.WaitEndAsync(task.Id);
        return (ended.Status, ended.Progress, ended.Attempt);
    }
}

file static class Creation
{
    public static Task<AiTask> CreateForTestAsync(this TaskStore store, TaskNode node) =>
        node.Get<Database>().WriteAsync(session => store.CreateAsync(session, new NewTask("index", "{}")), default);
}
