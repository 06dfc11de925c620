using Taishang.Core.Data;
using Taishang.Core.Tasks;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Tasks;

/// <summary>How many run at once: by type, by tenant, in all, and by what a worker has.</summary>
public sealed class TaskLimitTests
{
    private static readonly string[] BothTypes = ["embedding", "index"];

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_type_is_claimed_up_to_its_limit_and_again_as_its_tasks_end(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
            options.Types["index"] = new TaskTypeOptions { RunningMax = 2 });
        await AddAsync(world, "index", 5);
        await AddAsync(world, "embedding", 2);

        var first = await ClaimAsync(world);
        Assert.Equal(["embedding", "embedding", "index", "index"], Types(first));
        Assert.Empty(await ClaimAsync(world));

        var one = first.First(claim => claim.Task.Type == "index");
        Assert.True(await world.Node.SettleAsync(new Settlement(one, AttemptEnd.Completed)));
        Assert.Equal(["index"], Types(await ClaimAsync(world)));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_tenant_with_a_flood_of_tasks_leaves_room_for_the_others(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            options.TenantRunningMax = 2;
            options.Tenants["paying"] = 3;
            options.Tenants["banned"] = 0;
        });
        await AddAsync(world, "index", 50, "loud");
        await AddAsync(world, "index", 4, "paying");
        await AddAsync(world, "index", 1, "banned");
        await AddAsync(world, "index", 1, "quiet");
        await AddAsync(world, "index", 3);

        var claims = await ClaimAsync(world, 20);

        var tenants = claims.GroupBy(claim => world.Node.Options.TenantOf(claim.Task.Labels))
            .ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(
            new Dictionary<string, int> { ["loud"] = 2, ["paying"] = 3, ["quiet"] = 1, [""] = 3 }, tenants);
        Assert.Empty(await ClaimAsync(world, 20));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task The_limit_of_all_holds_over_processes_that_claim_at_once(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.RunningMax = 7);
        var other = world.AddNode(new TestExecutor("index"));
        await AddAsync(world, "index", 60);

        var claims = await Task.WhenAll(Enumerable.Range(0, 20).Select(
            i => (i % 2 == 0 ? world.Node : other).ClaimAsync($"w{i}", 5)));

        var all = claims.SelectMany(claim => claim).ToList();
        Assert.Equal(7, all.Count);
        Assert.Equal(7, all.Select(claim => claim.Task.Id).Distinct().Count());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Within_limits_the_order_is_still_that_of_rank(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.TenantRunningMax = 10);
        var expected = new List<string>();
        for (var i = 0; i < 6; i++)
        {
            var tenant = i % 2 == 0 ? "a" : "b";
            var task = await world.AddAsync(task => task with
            {
                Priority = 9 - i,
                LabelsJson = $$"""{"tenant":"{{tenant}}"}""",
            });
            expected.Add(task.Id);
        }

        Assert.Equal(expected, (await ClaimAsync(world)).Select(claim => claim.Task.Id));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_worker_takes_no_more_than_its_cores_and_memory_hold(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, Weights);
        await AddAsync(world, "index", 5);
        await AddAsync(world, "embedding", 5);

        // Four cores: each index takes one and a half, each embedding none.
        var claims = await ClaimAsync(world, 20);
        Assert.Equal(
            (2, 5),
            (claims.Count(claim => claim.Task.Type == "index"), claims.Count(claim => claim.Task.Type == "embedding")));
        var left = new TaskWeight(1, 10_000);
        Assert.Empty(await world.Node.Queue.ClaimAsync("w1", BothTypes, 20, left, default));
        // Cores enough and too little memory.
        Assert.Empty(await world.Node.Queue.ClaimAsync("w1", BothTypes, 20, new TaskWeight(4, 499), default));
        Assert.Single(await world.Node.Queue.ClaimAsync("w1", BothTypes, 20, new TaskWeight(4, 500), default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_heavy_task_is_not_overtaken_for_ever_by_lighter_ones(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options =>
        {
            Weights(options);
            options.HeavyWaitMs = 10_000;
            options.Types["embedding"] = new TaskTypeOptions { Cpu = 0.5 };
        });
        var heavy = await world.AddAsync();
        await AddAsync(world, "embedding", 10);
        var free = new TaskWeight(1, 10_000);

        Assert.Equal(["embedding", "embedding"], Types(await ClaimAsync(world, 20, free)));
        world.Data.FakeTime.Advance(TimeSpan.FromMilliseconds(10_001));
        Assert.Empty(await ClaimAsync(world, 20, free));
        var kept = await ClaimAsync(world, 1, new TaskWeight(2, 10_000));
        Assert.Equal(heavy.Id, Assert.Single(kept).Task.Id);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_worker_under_limits_runs_everything_in_the_end(Dialect dialect)
    {
        await using var world = await TaskWorld.LiveAsync(dialect, options =>
        {
            options.RunningMax = 3;
            options.TenantRunningMax = 1;
            options.CapacityCpu = 2;
            options.Types["index"] = new TaskTypeOptions { Cpu = 1 };
        });
        var now = 0;
        var most = 0;
        var executor = new TestExecutor("index", async (_, _) =>
        {
            var running = Interlocked.Increment(ref now);
            lock (world) most = Math.Max(most, running);
            await Task.Yield();
            Interlocked.Decrement(ref now);
            return "{}";
        });
        await world.AddNode(executor).StartAsync();
        await world.AddNode(executor).StartAsync();
        var tasks = new List<AiTask>();
        for (var i = 0; i < 40; i++)
        {
            tasks.Add(await world.AddAsync(task => task with
            {
                LabelsJson = $$"""{"tenant":"t{{i % 4}}"}""",
            }));
        }

        foreach (var task in tasks) Assert.Equal("completed", (await world.WaitEndAsync(task.Id)).Status);
        Assert.InRange(most, 1, 3);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_change_of_labels_moves_a_waiting_task_to_another_tenant(Dialect dialect)
    {
        await using var world = await TaskWorld.FrozenAsync(dialect, options => options.Tenants["none"] = 0);
        var task = await world.AddAsync(task => task with { LabelsJson = """{"tenant":"none"}""" });
        Assert.Empty(await ClaimAsync(world));

        await world.Node.Verbs.UpdateAsync(
            task.Id, new TaskChange(null, null, null, """{"tenant":"some"}"""), "test", default);

        Assert.Single(await ClaimAsync(world));
    }

    private static void Weights(TaskOptions options)
    {
        options.CapacityCpu = 4;
        options.CapacityMemoryMb = 10_000;
        options.Types["index"] = new TaskTypeOptions { Cpu = 1.5, MemoryMb = 500 };
    }

    private static async Task AddAsync(TaskWorld world, string type, int count, string? tenant = null)
    {
        var task = new NewTask(type, """{"collection":"points"}""")
        {
            LabelsJson = tenant is null ? null : $$"""{"tenant":"{{tenant}}"}""",
        };
        await world.Data.Database.WriteAsync(
            session => world.Node.Store.CreateAsync(session, [.. Enumerable.Repeat(task, count)]), default);
    }

    private static Task<IReadOnlyList<ClaimedTask>> ClaimAsync(
        TaskWorld world, int max = 10, TaskWeight? free = null) =>
        world.Node.Queue.ClaimAsync("w1", BothTypes, max, free ?? world.Node.Options.Capacity, default);

    private static string[] Types(IReadOnlyList<ClaimedTask> claims) =>
        [.. claims.Select(claim => claim.Task.Type).Order()];
}
