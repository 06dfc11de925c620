using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>What lives and clocks that part from each other do to a queue: nothing.</summary>
public sealed class TaskRestartTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_restarted_worker_of_the_same_name_neither_keeps_nor_ends_what_its_last_life_claimed(
        Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 3 });
        var last = await world.Node.ClaimOneAsync();

        // Its next life has the same name, claims nothing of it, and renews what it runs, which is nothing.
        Assert.Empty(await world.Node.ClaimAsync());
        Assert.Empty(await world.Node.Queue.RenewAsync("w1", [], default));
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(world.Node.Options.LeaseMs + 1));
        Assert.Equal(1, await world.Node.RescueAsync());
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        var next = await world.Node.ClaimOneAsync();

        Assert.False(await world.Node.SettleAsync(new Settlement(last, AttemptEnd.Completed)));
        Assert.Equal("running", (await world.GetAsync(task.Id)).Status);
        Assert.True(await world.Node.SettleAsync(new Settlement(next, AttemptEnd.Completed)));
        Assert.Equal(("completed", 2), ((await world.GetAsync(task.Id)).Status, next.Task.Attempt));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Manual_and_automatic_requeues_at_once_give_one_run(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        for (var round = 0; round < 5; round++)
        {
            var task = await world.AddAsync(task => task with { MaxAttempts = 1 });
            await world.Node.ClaimOneAsync();
            world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(world.Node.Options.LeaseMs + 1));
            var doing = Enumerable.Range(0, 8).Select(async turn =>
            {
                // The retry is refused while the attempt still runs, and once another has queued it again.
                for (var look = 0; turn % 2 == 0 && look < 10_000; look++)
                {
                    try
                    {
                        await world.Node.DoAsync(task.Id, TaskVerb.Retry);
                        return 1;
                    }
                    catch (ApiException e) when (e.Code == ErrorCodes.TaskTransition)
                    {
                        if ((await world.GetAsync(task.Id)).Status == "pending") return 0;
                    }
                }

                // A rescue passes over a row that a retry holds just then, and comes again.
                while (turn % 2 == 1 && (await world.GetAsync(task.Id)).Status == "running")
                    await world.Node.RescueAsync();
                return 0;
            });

            Assert.Equal(1, (await Task.WhenAll(doing)).Sum());

            var claim = Assert.Single(await world.Node.ClaimAsync());
            Assert.True(await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed)));
            Assert.Empty(await world.Node.ClaimAsync());
            Assert.Equal(1, (await world.TrailAsync(task.Id)).Count(line => line == "retry queued"));
        }
    }

    /// <summary>The process's clock is a day ahead or behind: leases, deadlines and times are the database's.</summary>
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_process_whose_clock_is_wrong_keeps_its_leases_and_writes_the_databases_time(Dialect dialect)
    {
        foreach (var days in new[] { -1, 1 })
        {
            await using var world = await TaskWorld.LiveAsync(dialect, options => options.LeaseMs = 5_000);
            var go = new TaskCompletionSource();
            var attempts = 0;
            var wrong = world.AddNode(
                new TestExecutor("index", async (_, cancellation) =>
                {
                    Interlocked.Increment(ref attempts);
                    await go.Task.WaitAsync(cancellation);
                    return null;
                }),
                clock: new WrongClock(TimeSpan.FromDays(days)));
            await wrong.StartAsync();
            var right = world.AddNode(new TestExecutor("other"));
            await right.StartAsync();
            var task = await world.AddAsync();
            var started = await world.WaitAsync(task.Id, one => one.Status == "running");

            // The other looks for dead workers all the while; leases that were judged by two clocks would have ended.
            for (var look = 0; look < 20; look++) Assert.Equal(0, await right.RescueAsync());
            go.SetResult();
            var ended = await world.WaitEndAsync(task.Id);

            Assert.Equal(("completed", 1, 1), (ended.Status, ended.Attempt, attempts));
            Assert.InRange(started.StartedAt!.Value, task.CreatedAt, task.CreatedAt + TimeSpan.FromHours(1));
            Assert.InRange(ended.CompletedAt!.Value, started.StartedAt!.Value, task.CreatedAt + TimeSpan.FromHours(1));
        }
    }

    private sealed class WrongClock(TimeSpan off) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + off;
    }
}
