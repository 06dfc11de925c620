using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>Who leads, by the database's clock.</summary>
public sealed class TaskLeadershipTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task One_leads_until_its_lease_ends_and_then_another(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.OnlyProcess = false);
        var first = world.Node.Leadership;
        var second = world.AddNode(new TestExecutor("index")).Leadership;
        Assert.Equal((false, false), (first.IsLeader, second.IsLeader));
        Assert.True(await first.HoldAsync(default));
        Assert.False(await second.HoldAsync(default));
        var lease = TimeSpan.FromMilliseconds(world.Node.Options.LeaderLeaseMs);
        world.Data.FakeTime.Advance(lease / 2);
        Assert.True(await first.HoldAsync(default));
        world.Data.FakeTime.Advance(lease);
        Assert.False(await second.HoldAsync(default));

        // The first is heard of no more.
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(1));
        Assert.False(first.IsLeader);
        Assert.True(await second.HoldAsync(default));
        Assert.False(await first.HoldAsync(default));
        Assert.Equal((false, true), (first.IsLeader, second.IsLeader));
        Assert.Equal(2, await TermAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Who_stops_gives_up_the_lead_at_once_and_only_its_own(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.OnlyProcess = false);
        var first = world.Node.Leadership;
        var second = world.AddNode(new TestExecutor("index")).Leadership;
        await first.HoldAsync(default);
        await second.GiveUpAsync(default);
        Assert.False(await second.HoldAsync(default));

        await first.GiveUpAsync(default);

        Assert.True(await second.HoldAsync(default));
        await first.GiveUpAsync(default);
        Assert.False(await first.HoldAsync(default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Of_many_that_ask_at_once_one_leads(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.OnlyProcess = false);
        var all = Enumerable.Range(0, 6).Select(_ => world.AddNode(new TestExecutor("index")).Leadership).ToList();
        for (var round = 0; round < 5; round++)
        {
            var held = await Task.WhenAll(all.Select(one => one.HoldAsync(default)));
            Assert.Single(held, true);
            world.Data.FakeTime.Advance(TimeSpan.FromMinutes(1));
        }
    }

    [Fact]
    public async Task A_process_that_owns_its_database_leads_without_asking()
    {
        await using var world = await TaskWorld.FrozenAsync(Dialect.Sqlite);
        Assert.True(world.Node.Leadership.IsLeader);
        Assert.True(await world.Node.Leadership.HoldAsync(default));
        Assert.Equal(0, await TermAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Only_the_leader_rescues_and_its_successor_goes_on(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options => options.LeaseMs = 500);
        var leader = world.Node.Leadership;
        Assert.True(await leader.HoldAsync(default));
        var task = await world.AddAsync();
        await world.Node.ClaimOneAsync("dies");
        // Its lead is renewed no more either: the one process that lives gets both.
        await world.AddNode(new TestExecutor("index")).StartAsync();

        var ended = await world.WaitEndAsync(task.Id);

        Assert.Equal(("completed", 2), (ended.Status, ended.Attempt));
        Assert.False(await leader.HoldAsync(default));
    }

    private static Task<long> TermAsync(TaskWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT coalesce(max(term), 0) FROM tai_leaders"), default);
}
