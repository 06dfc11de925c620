using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

public sealed class TaskVerbTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_cancelled_before_it_started_never_runs(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();

        Assert.Equal("cancelled", await world.Node.DoAsync(task.Id, TaskVerb.Cancel));

        Assert.Empty(await world.Node.ClaimAsync());
        Assert.NotNull((await world.GetAsync(task.Id)).CompletedAt);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_parked_task_waits_for_its_start(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { AutoStart = false });
        Assert.Equal(TaskState.Parked, task.State);
        Assert.Empty(await world.Node.ClaimAsync());

        Assert.Equal("pending", await world.Node.DoAsync(task.Id, TaskVerb.Start));
        await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync(task.Id, TaskVerb.Start));
        Assert.Equal("pending", await world.Node.DoAsync(task.Id, TaskVerb.Stop));
        Assert.Empty(await world.Node.ClaimAsync());
        await world.Node.DoAsync(task.Id, TaskVerb.Start);
        await world.Node.ClaimOneAsync();
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_stop_keeps_the_checkpoint_and_a_start_resumes_from_it(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        Assert.Equal([true], await world.Node.Queue.SaveAsync(
            [new AttemptProgress(claim, 40, new TaskCost(0, 0), """{"row":4000}""")], default));

        Assert.Equal("running", await world.Node.DoAsync(task.Id, TaskVerb.Stop));
        Assert.Equal("stop", Assert.Single(await world.Node.Queue.WishesAsync("w1", default)).Wish);
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.LetGo) { Progress = 40 });
        var parked = await world.GetAsync(task.Id);
        Assert.Equal((TaskState.Parked, 40), (parked.State, parked.Progress));

        await world.Node.DoAsync(task.Id, TaskVerb.Start);
        var resumed = await world.Node.ClaimOneAsync();
        Assert.Equal("""{"row":4000}""", resumed.Task.Checkpoint);
        Assert.Equal(1, resumed.Task.Attempt);
        Assert.Equal(
            ["create queued", "claim running", "stop running", "stop parked", "start queued", "claim running"],
            await world.TrailAsync(task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_cancel_outlives_the_worker_that_should_have_heard_it(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        await world.Node.ClaimOneAsync("dies");
        Assert.Equal("running", await world.Node.DoAsync(task.Id, TaskVerb.Stop));
        Assert.Equal("running", await world.Node.DoAsync(task.Id, TaskVerb.Cancel));
        var error = await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync(task.Id, TaskVerb.Stop));
        Assert.Contains("being cancelled", error.Message, StringComparison.Ordinal);

        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, await world.Node.RescueAsync());
        Assert.Equal("cancelled", (await world.GetAsync(task.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Success_that_came_before_the_wish_was_heard_stands(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        var claim = await world.Node.ClaimOneAsync();
        await world.Node.DoAsync(task.Id, TaskVerb.Cancel);

        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));

        Assert.Equal("completed", (await world.GetAsync(task.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_retry_counts_attempts_anew_and_clears_what_was_told_of_the_last(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync(task => task with { MaxAttempts = 1 });
        var claim = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Failed) { Error = "no luck", Progress = 30 });

        Assert.Equal("pending", await world.Node.DoAsync(task.Id, TaskVerb.Retry));

        var again = await world.GetAsync(task.Id);
        Assert.Equal(
            (TaskState.Queued, 0, 0, null, null),
            (again.State, again.Attempt, again.Progress, again.ErrorMsg, again.CompletedAt));
        // Manual and automatic requeue at once give one run.
        await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync(task.Id, TaskVerb.Retry));
        Assert.Single(await world.Node.ClaimAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_pending_task_can_be_changed_and_a_running_one_not(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var first = await world.AddAsync();
        var task = await world.AddAsync();
        var later = world.Data.Time.GetUtcNow().AddMinutes(5);

        var changed = await world.Node.Verbs.UpdateAsync(
            task.Id, new TaskChange(9, null, """{"collection":"other"}""", """{"team":"search"}"""), "test", default);
        Assert.Equal(
            (9, """{"collection":"other"}""", """{"team":"search"}"""),
            (changed.Priority, changed.Payload, changed.Labels));
        Assert.Equal(task.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        var error = await Assert.ThrowsAsync<ApiException>(() => world.Node.Verbs.UpdateAsync(
            task.Id, new TaskChange(1, null, null, null), "test", default));
        Assert.Equal(ErrorCodes.TaskTransition, error.Code);

        await world.Node.Verbs.UpdateAsync(first.Id, new TaskChange(null, later, null, null), "test", default);
        Assert.Empty(await world.Node.ClaimAsync());
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(5));
        Assert.Single(await world.Node.ClaimAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Only_an_ended_task_can_be_deleted_and_its_trail_goes_with_it(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var task = await world.AddAsync();
        await Assert.ThrowsAsync<ApiException>(() => world.Node.Verbs.DeleteAsync(task.Id, default));
        await world.Node.DoAsync(task.Id, TaskVerb.Cancel);

        await world.Node.Verbs.DeleteAsync(task.Id, default);

        Assert.Null(await world.Node.Store.FindAsync(task.Id, default));
        Assert.Equal(0, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_events_202611"), default));
        await Assert.ThrowsAsync<ApiException>(() => world.Node.Verbs.DeleteAsync(task.Id, default));
        await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync("nonsense", TaskVerb.Start));
        await Assert.ThrowsAsync<ApiException>(
            () => world.Node.DoAsync(RowId.New(world.Data.Time.GetUtcNow().AddYears(-3)), TaskVerb.Start));
    }
}
