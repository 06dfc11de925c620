using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>What a process knows of the queue between two counts of it.</summary>
public sealed class TaskDepthTests
{
    private const int Max = 3;

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Every_way_into_the_queue_and_out_of_it_is_known_without_a_count(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.QueueMax = Max);
        var node = world.Node;
        Assert.Equal(Max, Room(node));

        var first = await world.AddAsync();
        Assert.Equal(2, Room(node));
        var parked = await world.AddAsync(task => task with { AutoStart = false });
        Assert.Equal(2, Room(node));
        await node.DoAsync(parked.Id, TaskVerb.Start);
        Assert.Equal(1, Room(node));
        await node.DoAsync(parked.Id, TaskVerb.Stop);
        Assert.Equal(2, Room(node));
        await node.DoAsync(parked.Id, TaskVerb.Cancel);
        Assert.Equal(2, Room(node));
        await node.DoAsync(parked.Id, TaskVerb.Retry);
        Assert.Equal(1, Room(node));
        await node.DoAsync(parked.Id, TaskVerb.Cancel);
        Assert.Equal(2, Room(node));

        // An attempt that failed and is tried again keeps its place, as one does that a dead worker left.
        await node.SettleAsync(new Settlement(await node.ClaimOneAsync(), AttemptEnd.Failed));
        Assert.Equal(2, Room(node));
        await node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(node.Options.LeaseMs + 1));
        Assert.Equal(1, await node.RescueAsync());
        Assert.Equal(2, Room(node));
        world.Data.FakeTime.Advance(TimeSpan.FromHours(1));
        await node.SettleAsync(new Settlement(await node.ClaimOneAsync(), AttemptEnd.Completed));
        Assert.Equal((Max, "completed"), (Room(node), (await world.GetAsync(first.Id)).Status));

        var last = await world.AddAsync(task => task with { MaxAttempts = 1 });
        await node.ClaimOneAsync();
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(node.Options.LeaseMs + 1));
        Assert.Equal(1, await node.RescueAsync());
        Assert.Equal((Max, "failed"), (Room(node), (await world.GetAsync(last.Id)).Status));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_was_rolled_back_takes_no_room(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.QueueMax = Max);

        await Assert.ThrowsAsync<InvalidDataException>(() => world.Data.Database.WriteAsync<int>(
            async session =>
            {
                await world.Node.Store.CreateAsync(session, new NewTask("index", "{}"));
                throw new InvalidDataException("the caller changed its mind");
            },
            default));

        Assert.Equal(Max, Room(world.Node));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_transaction_that_needs_more_room_than_there_is_creates_nothing(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.QueueMax = Max);
        var task = new NewTask("index", "{}");
        await world.AddAsync();

        var refused = await Assert.ThrowsAsync<ApiException>(() => world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(session, [task, task, task]), default));

        Assert.Equal(ErrorCodes.TaskQueueFull, refused.Code);
        Assert.Equal(1, (await world.Node.Queue.CountAsync(default)).Queued);
        await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(session, [task, task]), default);
        Assert.Equal(0, Room(world.Node));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_count_finds_what_others_did_and_keeps_what_was_moved_during_it(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.QueueMax = Max);
        var other = world.AddNode(new TestExecutor("index"));
        await world.AddAsync();
        var depth = other.Get<TaskDepth>();
        Assert.Equal(Max, depth.Room);

        var moved = depth.Moved;
        var count = await other.Queue.CountAsync(default);
        await world.Data.Database.WriteAsync(
            session => other.Store.CreateAsync(session, new NewTask("index", "{}")), default);
        depth.Set(count, moved);

        Assert.Equal(1, depth.Room);
    }

    private static int Room(TaskNode node) => (int)node.Get<TaskDepth>().Room;
}
