using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Unique keys and dependencies.</summary>
public sealed class TaskLinkTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_unique_key_leads_to_the_live_task_and_is_free_when_that_has_ended(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var first = await world.AddAsync(Keyed);
        var again = await world.AddAsync(Keyed);
        Assert.Equal((first.Id, false, true), (again.Id, first.WasLive, again.WasLive));
        Assert.Equal("nightly", again.UniqueKey);
        var otherType = await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(session, Keyed(new NewTask("embedding", "{}"))), default);
        Assert.NotEqual(first.Id, otherType.Id);

        var claim = await world.Node.ClaimOneAsync();
        Assert.Equal(first.Id, (await world.AddAsync(Keyed)).Id);
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));
        var second = await world.AddAsync(Keyed);
        Assert.NotEqual(first.Id, second.Id);
        await world.Node.DoAsync(second.Id, TaskVerb.Stop);
        Assert.Equal(second.Id, (await world.AddAsync(Keyed)).Id);
        await world.Node.DoAsync(second.Id, TaskVerb.Cancel);
        var third = await world.AddAsync(Keyed);
        Assert.False(third.WasLive);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_retry_is_refused_while_another_task_has_the_key(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var first = await world.AddAsync(Keyed);
        await world.Node.DoAsync(first.Id, TaskVerb.Cancel);
        var second = await world.AddAsync(Keyed);

        var refused = await Assert.ThrowsAsync<ApiException>(() => world.Node.DoAsync(first.Id, TaskVerb.Retry));
        Assert.Equal(ErrorCodes.TaskUniqueKeyTaken, refused.Code);
        Assert.Contains(second.Id, refused.Message, StringComparison.Ordinal);
        await world.Node.DoAsync(second.Id, TaskVerb.Cancel);
        await world.Node.DoAsync(first.Id, TaskVerb.Retry);
        Assert.Equal(first.Id, (await world.AddAsync(Keyed)).Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Many_that_create_one_key_at_once_get_one_task(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var other = world.AddNode(new TestExecutor("index"));
        var doors = new[] { world.Data.Database, other.Get<Database>() };

        var tasks = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => doors[i % 2].WriteAsync(
            session => world.Node.Store.CreateAsync(session, Keyed(new NewTask("index", "{}"))), default)));

        Assert.Single(tasks.Select(task => task.Id).Distinct());
        Assert.Single(tasks, task => !task.WasLive);
        Assert.Single(await world.Node.ClaimAsync());
        var together = await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(
                session, [.. Enumerable.Repeat(new NewTask("index", "{}") { UniqueKey = "pair" }, 2)]),
            default);
        Assert.Equal([false, true], together.Select(task => task.WasLive));
        Assert.Equal(together[0].Id, together[1].Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_waits_for_all_that_it_depends_on(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var a = await world.AddAsync();
        var b = await world.AddAsync();
        var child = await world.AddAsync(task => task with { DependsOn = [a.Id, b.Id], Priority = 9 });
        Assert.Equal(TaskState.Queued, child.State);

        var claims = await world.Node.ClaimAsync();
        Assert.Equal(new[] { a.Id, b.Id }.Order(), claims.Select(claim => claim.Task.Id).Order());
        await world.Node.SettleAsync(new Settlement(claims[0], AttemptEnd.Completed));
        Assert.Empty(await world.Node.ClaimAsync());
        // A failure that is tried again is no end.
        await world.Node.SettleAsync(new Settlement(claims[1], AttemptEnd.Failed));
        var again = await world.Node.ClaimOneAsync();
        Assert.Equal(claims[1].Task.Id, again.Task.Id);
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        await world.Node.SettleAsync(new Settlement(again, AttemptEnd.Completed));

        Assert.Equal(child.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.Equal(["create queued", "release queued", "claim running"], await world.TrailAsync(child.Id));
        Assert.Equal(0, await EdgesAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_failed_parent_does_to_each_child_what_the_child_chose(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var parent = await world.AddAsync(task => task with { MaxAttempts = 1 });
        var cancels = await world.AddAsync(task => task with { DependsOn = [parent.Id] });
        var parks = await world.AddAsync(Rule(parent, ParentFailure.Park));
        var runs = await world.AddAsync(Rule(parent, ParentFailure.Run));
        var grandchild = await world.AddAsync(Rule(cancels, ParentFailure.Cancel));
        var claim = await world.Node.ClaimOneAsync();

        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Failed) { Error = "no" });

        var cancelled = await world.GetAsync(cancels.Id);
        Assert.Equal("cancelled", cancelled.Status);
        Assert.Contains(parent.Id, cancelled.ErrorMsg, StringComparison.Ordinal);
        Assert.Equal("cancelled", (await world.GetAsync(grandchild.Id)).Status);
        Assert.Equal(TaskState.Parked, (await world.GetAsync(parks.Id)).State);
        Assert.Equal(runs.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        // Who starts a parked one by hand knows that its parent failed.
        await world.Node.DoAsync(parks.Id, TaskVerb.Start);
        Assert.Equal(parks.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.Equal(0, await EdgesAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_rule_holds_for_a_parent_that_was_cancelled_rescued_or_failed_before(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var parent = await world.AddAsync(task => task with { MaxAttempts = 1 });
        var early = await world.AddAsync(Rule(parent, ParentFailure.Cancel));
        await world.Node.ClaimOneAsync("dies");
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, await world.Node.RescueAsync());
        Assert.Equal("cancelled", (await world.GetAsync(early.Id)).Status);

        Assert.Equal("cancelled", (await world.AddAsync(Rule(parent, ParentFailure.Cancel))).Status);
        Assert.Equal(TaskState.Parked, (await world.AddAsync(Rule(parent, ParentFailure.Park))).State);
        var runs = await world.AddAsync(Rule(parent, ParentFailure.Run));
        var claim = await world.Node.ClaimOneAsync();
        Assert.Equal(runs.Id, claim.Task.Id);
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));
        Assert.Equal(TaskState.Queued, (await world.AddAsync(Rule(runs, ParentFailure.Cancel))).State);
        var cancelled = await world.AddAsync();
        var parked = await world.AddAsync(task => task with { DependsOn = [cancelled.Id], AutoStart = false });
        await world.Node.DoAsync(cancelled.Id, TaskVerb.Cancel);
        Assert.Equal("cancelled", (await world.GetAsync(parked.Id)).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_waiting_task_that_was_parked_or_cancelled_waits_again_for_what_is_live(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var done = await world.AddAsync(task => task with { Priority = 9 });
        var live = await world.AddAsync();
        var child = await world.AddAsync(task => task with { DependsOn = [live.Id, done.Id] });
        await world.Node.DoAsync(child.Id, TaskVerb.Stop);
        var claim = await world.Node.ClaimOneAsync();
        await world.Node.SettleAsync(new Settlement(claim, AttemptEnd.Completed));

        await world.Node.DoAsync(child.Id, TaskVerb.Start);
        await world.Node.DoAsync(child.Id, TaskVerb.Cancel);
        await world.Node.DoAsync(child.Id, TaskVerb.Retry);

        var last = await world.Node.ClaimOneAsync();
        Assert.Equal(live.Id, last.Task.Id);
        Assert.Empty(await world.Node.ClaimAsync());
        await world.Node.SettleAsync(new Settlement(last, AttemptEnd.Completed));
        Assert.Equal(child.Id, (await world.Node.ClaimOneAsync()).Task.Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Dependencies_are_refused_when_they_lead_nowhere_or_too_far(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var nowhere = RowId.New(world.Data.Time.GetUtcNow());
        var refused = await Assert.ThrowsAsync<ApiException>(
            () => world.AddAsync(task => task with { DependsOn = [nowhere] }));
        Assert.Equal((ErrorCodes.TaskNotFound, "depends_on[0]"), (refused.Code, refused.Errors[0].Field));
        await Assert.ThrowsAsync<ApiException>(() => world.AddAsync(task => task with { DependsOn = ["nonsense"] }));

        var last = await world.AddAsync();
        for (var i = 0; i < TaskLinks.ChainMax; i++)
            last = await world.AddAsync(Rule(last, ParentFailure.Cancel));
        var tooFar = await Assert.ThrowsAsync<ApiException>(
            () => world.AddAsync(Rule(last, ParentFailure.Cancel)));
        Assert.Contains("a line of tasks", tooFar.Message, StringComparison.Ordinal);
        Assert.Single(await world.Node.ClaimAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task None_is_left_waiting_when_parents_end_while_children_come(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var other = world.AddNode(new TestExecutor("index"));
        for (var round = 0; round < 12; round++)
        {
            var parent = await world.AddAsync();
            var claim = await world.Node.ClaimOneAsync();
            var adding = Enumerable.Range(0, 6).Select(_ => world.AddAsync(Rule(parent, ParentFailure.Cancel)));
            var ending = other.SettleAsync(new Settlement(claim, AttemptEnd.Completed));
            var children = await Task.WhenAll(adding);
            Assert.True(await ending);

            var claims = await world.Node.ClaimAsync();
            Assert.Equal(children.Select(child => child.Id).Order(), claims.Select(child => child.Task.Id).Order());
            foreach (var one in claims) await world.Node.SettleAsync(new Settlement(one, AttemptEnd.Completed));
        }

        Assert.Equal(0, await EdgesAsync(world));
    }

    private static NewTask Keyed(NewTask task) => task with { UniqueKey = "nightly" };

    private static Func<NewTask, NewTask> Rule(AiTask parent, string rule) =>
        task => task with { DependsOn = [parent.Id], OnParentFailure = rule };

    private static Task<long> EdgesAsync(TaskWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT count(*) FROM tai_task_dependencies"), default);
}
