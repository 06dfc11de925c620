using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Core.Tasks.Watching;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks.Watching;

/// <summary>What tasks cost, in all and attempt by attempt.</summary>
public sealed class TaskCostTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Each_attempt_keeps_its_own_cost_however_it_ended_and_the_task_their_sum(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 4 });

        // Fails, and tells what it cost with its end.
        var failed = Begin(world, await world.Node.ClaimOneAsync());
        failed.AddCost(10, 100);
        await EndAsync(world, failed, AttemptEnd.Failed);
        // Dies after a checkpoint: what it spent behind that nobody heard of.
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        var dead = Begin(world, await world.Node.ClaimOneAsync());
        dead.AddCost(20, 0);
        await dead.SaveCheckpointAsync("{}", default);
        dead.AddCost(1_000, 1_000);
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, await world.Node.RescueAsync());
        Assert.False(await EndAsync(world, dead, AttemptEnd.Completed));
        // Gives its number back, which the next one takes.
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        var stopped = Begin(world, await world.Node.ClaimOneAsync());
        stopped.AddCost(0, 5);
        await EndAsync(world, stopped, AttemptEnd.LetGo);
        var last = Begin(world, await world.Node.ClaimOneAsync());
        last.AddCost(7, 8);
        last.AddCost(1, 0);
        await last.SaveCheckpointAsync("{}", default);
        await EndAsync(world, last, AttemptEnd.Completed);

        var ended = await world.GetAsync(task.Id);
        var costs = await world.Node.Get<TaskCostStore>().ReadAsync(ended, default);
        Assert.Equal(
            [
                new AttemptCostView(1, 10, 100), new AttemptCostView(2, 20, 0), new AttemptCostView(3, 0, 5),
                new AttemptCostView(3, 8, 8),
            ],
            costs!);
        Assert.Equal((38, 113), (ended.CostTokens, ended.CostAiMs));
        await world.Node.Verbs.DeleteAsync(task.Id, default);
        Assert.Null(await world.Node.Get<TaskCostStore>().ReadAsync(ended, default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_attempt_that_costs_nothing_leaves_no_row(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        await world.AddAsync();
        await EndAsync(world, Begin(world, await world.Node.ClaimOneAsync()), AttemptEnd.Completed);

        Assert.Equal(0, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_costs_202611"), default));
    }

    private static TaskAttempt Begin(TaskWorld world, ClaimedTask claim) =>
        new(claim, world.Node.Queue, 0, world.Data.Time);

    private static Task<bool> EndAsync(TaskWorld world, TaskAttempt attempt, AttemptEnd end) =>
        world.Node.SettleAsync(new Settlement(attempt.Claim, end) { Cost = attempt.Cost });
}
