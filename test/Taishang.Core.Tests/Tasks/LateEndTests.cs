using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Executors;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Ends of attempts that come after the task was taken: nothing is written but that they came.</summary>
public sealed class LateEndTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_trail_tells_of_an_end_that_came_after_the_rescue(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var late = await LateClaimAsync(world);
        var end = new Settlement(late, AttemptEnd.Completed) { Result = """{"by":"late"}""" };

        Assert.False(await world.Node.SettleAsync(end));
        Assert.True(await world.Node.Queue.NoteLateAsync("w1", end, default));

        Assert.Equal(
            ["create queued", "claim running", "rescue queued", "late queued"], await world.TrailAsync(task.Id));
        var after = await world.GetAsync(task.Id);
        Assert.Equal(("pending", null, 1), (after.Status, after.Result, after.Attempt));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_trail_tells_of_an_end_that_came_after_another_worker_completed_the_task(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var late = await LateClaimAsync(world);
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(10));
        var second = await world.Node.ClaimOneAsync("w2");
        Assert.True(await world.Node.SettleAsync(
            new Settlement(second, AttemptEnd.Completed) { Result = """{"by":"second"}""" }, "w2"));

        Assert.True(await world.Node.Queue.NoteLateAsync("w1", new Settlement(late, AttemptEnd.Failed), default));

        Assert.Equal(
            [
                "create queued", "claim running", "rescue queued", "claim running", "complete completed",
                "late completed",
            ],
            await world.TrailAsync(task.Id));
        Assert.Equal("""{"by":"second"}""", (await world.GetAsync(task.Id)).Result);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_end_that_was_written_but_not_answered_is_not_called_late(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        var end = new Settlement(claim, AttemptEnd.Failed) { Error = "once more" };
        Assert.True(await world.Node.SettleAsync(end));

        Assert.False(await world.Node.SettleAsync(end));
        Assert.False(await world.Node.Queue.NoteLateAsync("w1", end, default));
        await world.Node.ClaimOneAsync("w2");
        Assert.False(await world.Node.Queue.NoteLateAsync("w1", end, default));

        Assert.Equal(
            ["create queued", "claim running", "fail queued", "claim running"], await world.TrailAsync(task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Each_attempt_has_a_greater_fence_over_retries_too(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect);
        var fences = new List<long>();
        var executor = new TestExecutor("index", (context, _) =>
        {
            fences.Add(context.Fence);
            throw new TaskFailedException("not yet", retriable: true);
        });
        await world.AddNode(executor).StartAsync();
        var task = await world.AddAsync(task => task with { MaxAttempts = 2 });
        await world.WaitEndAsync(task.Id);
        await world.Node.DoAsync(task.Id, TaskVerb.Retry);
        await world.WaitAsync(task.Id, one => !one.IsLive && one.Fence == 4);

        Assert.Equal([1, 2, 3, 4], fences);
    }

    /// <summary>A claim whose lease ended and whose task the rescue took.</summary>
    private static async Task<ClaimedTask> LateClaimAsync(TaskWorld world)
    {
        var claim = await world.Node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(1, await world.Node.RescueAsync());
        return claim;
    }
}
