using System.Net;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Tasks.Watching;

public sealed class TaskStatsTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Figures_equal_plain_arithmetic_over_all_ends(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var begin = world.Data.Time.GetUtcNow();
        var random = new Random(11);
        var runs = new List<(long Ms, bool Failed, long WaitMs)>();
        for (var i = 0; i < 60; i++)
        {
            await world.AddAsync(task => task with { MaxAttempts = 1 });
            var wait = random.Next(0, 400);
            world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(wait));
            var claim = await world.Node.ClaimOneAsync();
            var took = random.Next(1, 9_000);
            world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(took));
            var failed = random.Next(4) == 0;
            await world.Node.SettleAsync(
                new Settlement(claim, failed ? AttemptEnd.Failed : AttemptEnd.Completed) { Cost = new TaskCost(3, 5) });
            runs.Add((took, failed, wait));
        }

        var end = TaskStatsQuery.Up(world.Data.Time.GetUtcNow().AddMilliseconds(1));
        var stats = await ReadAsync(world, begin, end);

        var all = stats.Overall;
        Assert.Equal((60, runs.Count(run => !run.Failed), 0), (all.Ended, all.Completed, all.Cancelled));
        Assert.Equal(runs.Count(run => run.Failed) / 60.0, all.FailureRate, 5);
        Assert.Equal(runs.Average(run => run.Ms), all.MeanMs!.Value, 2);
        Assert.Equal(runs.Average(run => run.WaitMs), all.MeanWaitMs!.Value, 2);
        var p95 = runs.Select(run => run.Ms).Order().ElementAt(56);
        Assert.InRange(all.P95Ms!.Value, p95, p95 * 1.045);
        Assert.Equal(60 / (end - begin).TotalMinutes, all.ThroughputPerMinute, 4);
        Assert.Equal((180, 300), (all.Cost.Tokens, all.Cost.AiMs));
        Assert.Equal(all with { Type = "index" }, Assert.Single(stats.ByType));
        Assert.Equal(60, stats.ByTime.Sum(bucket => bucket.Ended));
        Assert.True(stats.ByTime.Count > 2);
        // A minute further back nothing is known, and types that nobody has are empty.
        Assert.Equal(0, (await ReadAsync(world, begin.AddMinutes(-9), TaskStatsQuery.Down(begin))).Overall.Ended);
        Assert.Null((await ReadAsync(world, begin, end, "training")).Overall.MeanMs);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Tasks_that_are_cancelled_with_their_parent_are_counted_too(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var begin = world.Data.Time.GetUtcNow();
        var parent = await world.AddAsync(task => task with { MaxAttempts = 1 });
        var child = await world.AddAsync(task => task with { DependsOn = [parent.Id] });
        await world.AddAsync(task => task with { DependsOn = [child.Id] });
        await world.Node.SettleAsync(new Settlement(await world.Node.ClaimOneAsync(), AttemptEnd.Failed));
        await world.AddAsync(task => task with { DependsOn = [parent.Id] });
        var parked = await world.AddAsync(task => task with { AutoStart = false });
        await world.AddAsync(task => task with { DependsOn = [parked.Id] });
        await world.Node.DoAsync(parked.Id, TaskVerb.Cancel);

        var all = (await ReadAsync(world, begin, begin.AddMinutes(1))).Overall;

        Assert.Equal((6, 1, 5), (all.Ended, all.Failed, all.Cancelled));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Retries_rescues_and_cancelled_tasks_are_counted_apart(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.Default.BackoffBaseMs = 0;
            options.Default.BackoffMaxMs = 0;
        });
        var begin = world.Data.Time.GetUtcNow();
        var task = await world.AddAsync(one => one with { MaxAttempts = 3 });
        var claim = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Failed) { Cost = new TaskCost(10, 0) });
        await world.Node.ClaimOneAsync("killed");
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        await world.Node.RescueAsync();
        var last = await world.Node.ClaimOneAsync();
        // What the first attempt cost is not counted again.
        await world.Node.SettleAsync(new Settlement(last, AttemptEnd.Completed) { Cost = new TaskCost(14, 0) });
        var parked = await world.AddAsync(one => one with { AutoStart = false });
        await world.Node.DoAsync(parked.Id, TaskVerb.Cancel);
        var stopped = await world.AddAsync();
        var let = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(let, AttemptEnd.LetGo));

        var all = (await ReadAsync(world, begin, begin.AddMinutes(5))).Overall;

        Assert.Equal((1, 0, 1), (all.Completed, all.Failed, all.Cancelled));
        Assert.Equal((2, 1), (all.Retried, all.Rescued));
        Assert.Equal(14, all.Cost.Tokens);
        Assert.Equal("completed", (await world.GetAsync(task.Id)).Status);
        Assert.Equal("pending", (await world.GetAsync(stopped.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_queue_is_shown_with_its_depth_and_its_oldest(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        await world.AddAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(30));
        await world.Node.ClaimOneAsync();
        await world.AddAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(7));
        await world.AddAsync(task => task with { RunAt = world.Data.Time.GetUtcNow().AddHours(1) });

        var queue = await world.Node.Get<TaskStatsStore>().QueueAsync(null, default);

        Assert.Equal((2, 1, 1, 7_000), (queue.Queued, queue.Due, queue.Running, queue.OldestAgeMs));
        Assert.Equal("index", Assert.Single(queue.ByType).Type);
        Assert.Equal(0, (await world.Node.Get<TaskStatsStore>().QueueAsync("other", default)).OldestAgeMs);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Old_figures_are_swept(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var begin = world.Data.Time.GetUtcNow();
        await world.AddAsync();
        await world.Node.SettleAsync(new Settlement(await world.Node.ClaimOneAsync(), AttemptEnd.Completed));
        var store = world.Node.Get<TaskStatsStore>();

        await store.SweepAsync(begin, default);
        Assert.Equal(1, (await ReadAsync(world, begin, begin.AddMinutes(1))).Overall.Ended);
        await store.SweepAsync(begin.AddMinutes(1), default);
        Assert.Equal(0, (await ReadAsync(world, begin, begin.AddMinutes(1))).Overall.Ended);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(999)]
    [InlineData(604_800_000)]
    public void A_class_of_times_is_narrow(long milliseconds)
    {
        var bucket = TaskFigures.BucketOf(milliseconds);
        var upper = TaskFigures.UpperMs(bucket);
        Assert.InRange(milliseconds, upper / 1.0445, upper);
    }

    [Fact]
    public async Task The_route_answers_for_the_last_hour_and_refuses_what_makes_no_sense()
    {
        await using var host = await CoreHost.StartAsync();
        var answer = await host.Api.GetAsync("/api/taishang/tasks/stats");
        Assert.Equal(0, answer["stats.overall.ended"].GetInt32());
        Assert.Equal(0, answer["stats.queue.queued"].GetInt32());
        foreach (var query in (string[])[
            "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "bucket=year", "from=soon", "unknown=1",
            "from=2026-01-01T00:00:00Z&to=2026-01-05T00:00:00Z", "from=2020-01-01T00:00:00Z&bucket=day"])
        {
            Assert.Equal(
                HttpStatusCode.BadRequest, (await host.Api.GetAsync($"/api/taishang/tasks/stats?{query}")).Status);
        }
    }

    private static Task<TaskStats> ReadAsync(
        TaskWorld world, DateTimeOffset from, DateTimeOffset to, string? type = null) =>
        world.Node.Get<TaskStatsStore>().ReadAsync(from, to, type, TimeSpan.FromMinutes(1), default);
}
