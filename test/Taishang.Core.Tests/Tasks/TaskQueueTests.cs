using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>The queue itself, with a clock that only the test moves.</summary>
public sealed class TaskQueueTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_goes_from_creation_to_completion_and_leaves_its_trail(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        Assert.Equal("running", (await world.GetAsync(task.Id)).Status);
        Assert.Equal(1, claim.Task.Attempt);

        Assert.True(await world.Node.SettleAsync(
            new Settlement(claim, AttemptEnd.Completed) { Result = """{"rows":3}""", Cost = new TaskCost(5, 7) }));

        var done = await world.GetAsync(task.Id);
        Assert.Equal(
            ("completed", 100, """{"rows":3}""", 5, 7),
            (done.Status, done.Progress, done.Result, done.CostTokens, done.CostAiMs));
        Assert.Equal(world.Data.Time.GetUtcNow(), done.CompletedAt);
        Assert.Equal(["create queued", "claim running", "complete completed"], await world.TrailAsync(task.Id));
        Assert.Equal(0, await QueueRowsAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Higher_priority_goes_first_but_waiting_outweighs_it_in_time(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var step = TimeSpan.FromMilliseconds(world.Node.Options.PriorityStepMs);
        var low = await world.AddAsync(task => task with { Priority = 0 });
        world.Data.FakeTime.Advance(step * 8);
        var highSooner = await world.AddAsync(task => task with { Priority = 9 });
        world.Data.FakeTime.Advance(step * 2);
        var highLater = await world.AddAsync(task => task with { Priority = 9 });

        Assert.Equal(highSooner.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.Equal(low.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.Equal(highLater.Id, (await world.Node.ClaimOneAsync()).Task.Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_for_later_waits_for_its_time(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var later = world.Data.Time.GetUtcNow().AddHours(1);
        var task = await world.AddAsync(task => task with { RunAt = later });
        Assert.Empty(await world.Node.ClaimAsync());

        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        Assert.Equal(task.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.Equal(later, task.RunAt);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_late_worker_bounces_off_the_fence(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var late = await world.Node.ClaimOneAsync("paused");
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(world.Node.Options.LeaseMs + 1));
        Assert.Equal(1, await world.Node.RescueAsync());
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(10));
        var second = await world.Node.ClaimOneAsync("other");

        Assert.True(second.Fence > late.Fence);
        Assert.False(await world.Node.SettleAsync(new Settlement(late, AttemptEnd.Completed), "paused"));
        Assert.Equal([false], await world.Node.Queue.SaveAsync(
            [new AttemptProgress(late, 99, new TaskCost(1, 1), """{"at":99}""")], default));
        Assert.Empty(await world.Node.Queue.RenewAsync("paused", [task.Id], default));
        Assert.Null((await world.GetAsync(task.Id)).Checkpoint);

        Assert.True(await world.Node.SettleAsync(new Settlement(second, AttemptEnd.Completed), "other"));
        Assert.False(await world.Node.SettleAsync(new Settlement(late, AttemptEnd.Failed), "paused"));
        Assert.Equal("completed", (await world.GetAsync(task.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_fence_grows_over_retries_too(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var first = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(first, AttemptEnd.Failed) { Retriable = false });
        await world.Node.DoAsync(task.Id, TaskVerb.Retry);
        var second = await world.Node.ClaimOneAsync();

        Assert.True(second.Fence > first.Fence);
        Assert.Equal(1, second.Task.Attempt);
        Assert.False(await world.Node.SettleAsync(new Settlement(first, AttemptEnd.Completed)));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_renewed_lease_is_not_rescued_and_success_is_not_overwritten(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var lease = TimeSpan.FromMilliseconds(world.Node.Options.LeaseMs);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        for (var i = 0; i < 5; i++)
        {
            world.Data.FakeTime.Advance(lease / 2);
            Assert.Single(await world.Node.Queue.RenewAsync("w1", [task.Id], default));
            Assert.Equal(0, await world.Node.RescueAsync());
        }

        world.Data.FakeTime.Advance(lease * 2);
        Assert.True(await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed)));
        Assert.Equal(0, await world.Node.RescueAsync());
        Assert.Equal("completed", (await world.GetAsync(task.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_that_kills_its_workers_fails_after_its_attempts_with_the_reason(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 3 });
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            // Claimed and never heard of again, as by a crash between claim and start.
            Assert.Equal(attempt, (await world.Node.ClaimOneAsync($"dies{attempt}")).Task.Attempt);
            world.Data.FakeTime.Advance(TimeSpan.FromHours(1) / 2);
            Assert.Equal(1, await world.Node.RescueAsync());
            world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        }

        Assert.Empty(await world.Node.ClaimAsync());
        var failed = await world.GetAsync(task.Id);
        Assert.Equal(("failed", 3), (failed.Status, failed.Attempt));
        Assert.Contains("dies3 stopped renewing its lease", failed.ErrorMsg, StringComparison.Ordinal);
        Assert.Equal(
            ["create queued", "claim running", "rescue queued", "claim running", "rescue queued", "claim running",
                "rescue failed"],
            await world.TrailAsync(task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_hung_attempt_is_rescued_by_its_deadline_with_a_reason_of_its_own(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { TimeoutMs = 60_000, MaxAttempts = 1 });
        await world.Node.ClaimOneAsync();
        var elapsed = TimeSpan.FromMilliseconds(60_000 + world.Node.Options.HungGraceMs);
        world.Data.FakeTime.Advance(elapsed);
        await world.Node.Queue.RenewAsync("w1", [task.Id], default);
        Assert.Equal(0, await world.Node.RescueAsync());

        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(1, await world.Node.RescueAsync());
        var failed = await world.GetAsync(task.Id);
        Assert.Equal("failed", failed.Status);
        Assert.Contains("hung: it passed its deadline of 60000 ms", failed.ErrorMsg, StringComparison.Ordinal);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_failed_attempt_comes_back_after_its_pause_until_none_is_left(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 2 });
        var claim = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(
            new Settlement(claim, AttemptEnd.Failed) { Error = "no luck", RetryDelayMs = 5_000 });

        var waiting = await world.GetAsync(task.Id);
        Assert.Equal((TaskState.Queued, "no luck"), (waiting.State, waiting.ErrorMsg));
        Assert.Equal(world.Data.Time.GetUtcNow().AddSeconds(5), waiting.RunAt);
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(4_999));
        Assert.Empty(await world.Node.ClaimAsync());
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(1));
        var second = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(second, AttemptEnd.Failed) { Error = "again" });

        var failed = await world.GetAsync(task.Id);
        Assert.Equal(("failed", "again", 2), (failed.Status, failed.ErrorMsg, failed.Attempt));
    }

    [Fact]
    public void Pauses_double_up_to_their_bound_and_are_spread_over_it()
    {
        var backoff = new TaskBackoff(new Random(11));
        var options = new TaskTypeOptions { BackoffBaseMs = 1_000, BackoffMaxMs = 10_000 };
        long[] bounds = [1_000, 2_000, 4_000, 8_000, 10_000, 10_000];
        for (var attempt = 1; attempt <= bounds.Length; attempt++)
        {
            var delays = Enumerable.Range(0, 500).Select(_ => backoff.DelayMs(options, attempt)).ToList();
            Assert.All(delays, delay => Assert.InRange(delay, 0, bounds[attempt - 1]));
            Assert.True(delays.Max() > bounds[attempt - 1] * 0.9);
            Assert.True(delays.Min() < bounds[attempt - 1] * 0.1);
        }

        Assert.InRange(backoff.DelayMs(options, 10_000), 0, 10_000);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Two_processes_that_claim_at_once_never_get_the_same_task(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var other = world.AddNode(new TestExecutor("index"));
        await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(
                session, [.. Enumerable.Range(0, 300).Select(_ => new NewTask("index", "{}"))]),
            default);

        var claims = await Task.WhenAll(Enumerable.Range(0, 40).Select(
            i => (i % 2 == 0 ? world.Node : other).ClaimAsync($"w{i}", 10)));

        var ids = claims.SelectMany(batch => batch).Select(claim => claim.Task.Id).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        // Rows that a neighbour has locked are skipped, not waited for: a last look takes what was left.
        ids.AddRange((await world.Node.ClaimAsync("last", 256)).Select(claim => claim.Task.Id));
        Assert.Equal(300, ids.Distinct().Count());
    }

    private static Task<long> QueueRowsAsync(TaskWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_queue"), default);
}
