using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

public sealed class TaskListTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task History_is_listed_newest_first_across_months_with_an_exact_total(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var ids = new List<string>();
        for (var day = 0; day < 100; day++)
        {
            ids.Insert(0, (await world.AddAsync()).Id);
            world.Data.FakeTime.Advance(TimeSpan.FromDays(1));
        }

        Assert.Equal(5, world.Data.Tables.Known(MonthlyTable.Tasks).Count);
        for (var skip = 0; skip < 120; skip += 7)
        {
            var (tasks, total) = await world.Node.List.ReadAsync(new(), "created_at", true, (skip, 7), default);
            Assert.Equal(100, total);
            Assert.Equal(ids.Skip(skip).Take(7), tasks.Select(task => task.Id));
            (tasks, _) = await world.Node.List.ReadAsync(new(), "created_at", false, (skip, 7), default);
            Assert.Equal(Enumerable.Reverse(ids).Skip(skip).Take(7), tasks.Select(task => task.Id));
        }
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_list_is_narrowed_by_each_filter(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var parent = await world.AddAsync(task => task with { LabelsJson = """{"team":"a\"b","x":"1"}""" });
        world.Data.FakeTime.Advance(TimeSpan.FromDays(20));
        var middle = world.Data.Time.GetUtcNow();
        var child = await world.AddAsync(task => task with { ParentId = parent.Id, Priority = 8 });
        await world.Node.DoAsync(child.Id, TaskVerb.Cancel);

        Assert.Equal([child.Id], await FindAsync(world, new TaskFilter { Status = "cancelled" }));
        Assert.Equal([parent.Id], await FindAsync(world, new TaskFilter { Status = "pending" }));
        Assert.Equal([child.Id], await FindAsync(world, new TaskFilter { ParentId = parent.Id }));
        Assert.Equal([child.Id], await FindAsync(world, new TaskFilter { Priority = 8 }));
        Assert.Equal([child.Id, parent.Id], await FindAsync(world, new TaskFilter { Type = "index" }));
        Assert.Empty(await FindAsync(world, new TaskFilter { Type = "training" }));
        Assert.Equal([child.Id], await FindAsync(world, new TaskFilter { CreatedFrom = middle }));
        Assert.Equal([parent.Id], await FindAsync(world, new TaskFilter { CreatedTo = middle }));
        Assert.Equal([parent.Id], await FindAsync(world, new TaskFilter { LabelKey = "team", LabelValue = "a\"b" }));
        Assert.Empty(await FindAsync(world, new TaskFilter { LabelKey = "team", LabelValue = "1" }));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_list_can_be_sorted_otherwise_across_months(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var tasks = new List<AiTask>();
        for (var i = 0; i < 12; i++)
        {
            tasks.Add(await world.AddAsync(task => task with { Priority = i * 7 % 10 }));
            world.Data.FakeTime.Advance(TimeSpan.FromDays(9));
        }

        var (byPriority, _) = await world.Node.List.ReadAsync(new(), "priority", true, (3, 5), default);
        Assert.Equal(
            tasks.OrderByDescending(task => task.Priority).ThenByDescending(task => task.Id).Skip(3).Take(5)
                .Select(task => task.Id),
            byPriority.Select(task => task.Id));
        await world.Node.DoAsync(tasks[4].Id, TaskVerb.Stop);
        var (byUpdate, _) = await world.Node.List.ReadAsync(new(), "updated_at", true, (0, 1), default);
        Assert.Equal(tasks[4].Id, Assert.Single(byUpdate).Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_dropped_month_is_gone_from_lists_trail_and_queue_and_holds_nothing_up(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var old = await world.AddAsync(task => task with { UniqueKey = "nightly" });
        await world.AddAsync(task => task with { DependsOn = [old.Id] });
        world.Data.FakeTime.Advance(TimeSpan.FromDays(60));
        var young = await world.AddAsync(task => task with { DependsOn = [old.Id] });

        await world.Data.Tables.DropAsync(MonthlyTable.Tasks, new Month(2026, 11), default);

        Assert.Equal([young.Id], await FindAsync(world, new TaskFilter()));
        Assert.Null(await world.Node.Store.FindAsync(old.Id, default));
        Assert.Equal(young.Id, (await world.Node.ClaimOneAsync()).Task.Id);
        Assert.False((await world.AddAsync(task => task with { UniqueKey = "nightly" })).WasLive);
        Assert.Equal((2, 1, 0), await world.Data.Database.ReadAsync(
            async session => (
                await session.ScalarAsync<long>("SELECT count(*) FROM tai_task_queue"),
                await session.ScalarAsync<long>("SELECT count(*) FROM tai_task_unique_keys"),
                await session.ScalarAsync<long>("SELECT count(*) FROM tai_task_dependencies")),
            default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Tasks_created_together_keep_their_order(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect);
        var created = await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(
                session, [.. Enumerable.Range(0, 50).Select(_ => new NewTask("index", "{}"))]),
            default);

        Assert.Equal(created.Reverse().Select(task => task.Id), await FindAsync(world, new TaskFilter(), 50));
    }

    private static async Task<string[]> FindAsync(TaskWorld world, TaskFilter filter, int take = 20)
    {
        var (tasks, total) = await world.Node.List.ReadAsync(filter, "created_at", true, (0, take), default);
        Assert.Equal(tasks.Count, total);
        return [.. tasks.Select(task => task.Id)];
    }
}
