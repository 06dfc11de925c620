using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Core.Gateway;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

public sealed class BudgetExactnessTests
{
    private const int Exceeded = 20030;
    private const int Held = 20031;

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Of_two_hundred_calls_at_once_as_many_are_admitted_as_the_budget_has_room_for(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { Unit = BudgetWords.Tokens, LimitUnits = 507 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => Task.Run(() => node.CallAsync(10))));
        Assert.Equal(50, answers.Count(code => code == 0));
        Assert.All(answers, code => Assert.Contains(code, new[] { 0, Exceeded, Held }));
        await node.Worker.FlushAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((500, 0, 150), (state.Used, state.Abandoned, state.Refused));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Two_processes_that_share_a_budget_admit_no_more_than_it_has_and_leave_nothing(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        CostNode[] nodes = [await world.AddAsync(), await world.AddAsync()];
        var budget = await world.BudgetAsync(nodes[0], one => one with { LimitUnits = 120 });
        var admitted = 0;
        // Room that one leases ahead comes to the other once the other was refused.
        for (var round = 0; admitted < 120 && round < 20; round++)
        {
            var answers = await Task.WhenAll(
                Enumerable.Range(0, 40).Select(i => Task.Run(() => nodes[i % 2].CallAsync())));
            admitted += answers.Count(code => code == 0);
            foreach (var node in nodes) await node.Worker.FlushAsync(default);
            foreach (var node in nodes) await node.Worker.FlushAsync(default);
            world.Clock.Advance(TimeSpan.FromMilliseconds(200));
        }

        Assert.Equal(120, admitted);
        Assert.Equal(Exceeded, await nodes[0].CallAsync());
        Assert.Equal(Exceeded, await nodes[1].CallAsync());
        var state = await world.StateAsync(budget);
        Assert.Equal((120, 0), (state.Used, state.Reserved));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Room_that_one_process_does_not_use_comes_to_another_that_was_refused(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        CostNode[] nodes = [await world.AddAsync(), await world.AddAsync()];
        var budget = await world.BudgetAsync(nodes[0], one => one with { LimitUnits = 40 });
        Assert.Equal(0, await nodes[0].CallAsync());
        Assert.True((await world.StateAsync(budget)).Reserved > 1);
        var admitted = 1;
        int code;
        for (; (code = await nodes[1].CallAsync()) == 0; admitted++) Assert.True(admitted < 40);
        Assert.Equal(Held, code);
        await nodes[0].Worker.FlushAsync(default);
        // A refusal stands for a moment, and no room has been idle for long.
        world.Clock.Advance(TimeSpan.FromMilliseconds(150));
        for (; admitted < 40; admitted++) Assert.Equal(0, await nodes[1].CallAsync());
        Assert.Equal(Exceeded, await nodes[1].CallAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Seeded_calls_of_three_processes_never_pass_the_limit_and_all_that_they_used_is_counted(
        Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        CostNode[] nodes =
            [await world.AddAsync(), await world.AddAsync(o => o.BlockCalls = 0), await world.AddAsync()];
        var budget = await world.BudgetAsync(
            nodes[0], one => one with { Unit = BudgetWords.Tokens, LimitUnits = 20_000 });
        var used = 0L;
        await Task.WhenAll(Enumerable.Range(0, 12).Select(worker => Task.Run(async () =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 60; i++)
            {
                var need = random.Next(1, 300);
                try
                {
                    await using var held = await nodes[worker % 3].AdmitAsync(need);
                    // Some fail and give all back; the others use less than they asked for.
                    if (random.Next(5) == 0) continue;
                    var took = random.Next(need + 1);
                    await CostNode.SettleAsync(held, took);
                    Interlocked.Add(ref used, took);
                }
                catch (Core.Api.ApiException e) when (e.Code.Number is Exceeded or Held)
                {
                    // Refused: nothing was used.
                }

                if (i % 20 == 0) await nodes[worker % 3].Worker.FlushAsync(default);
                var now = await world.StateAsync(budget);
                Assert.True(now.Used + now.Abandoned + now.Reserved <= 20_000, now.ToString());
            }
        })));
        foreach (var node in nodes) await node.Worker.StopAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((used, 0, 0), (state.Used, state.Reserved, state.Abandoned));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_busy_budget_asks_the_database_for_many_calls_at_once(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        await world.BudgetAsync(node, one => one with { LimitUnits = 1_000_000 });
        await node.CallAsync();
        var before = node.Door.Trips;
        for (var i = 0; i < 8; i++) Assert.Equal(0, await node.CallAsync());
        Assert.Equal(before, node.Door.Trips);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_call_that_no_budget_covers_asks_the_database_nothing(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        await world.BudgetAsync(node, one => one with { Tenant = "others" });
        await world.BudgetAsync(node, one => one with { Model = "builtin/b" });
        await world.BudgetAsync(node, one => one with { Route = "main", KeyId = "key" });
        var before = node.Door.Trips;
        Assert.Equal(0, await node.CallAsync());
        Assert.Equal(before, node.Door.Trips);
        Assert.Equal(0, await node.CallAsync(10, CostNode.Scope with { Tenant = "others" }));
        Assert.NotEqual(before, node.Door.Trips);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_call_is_held_by_each_budget_that_covers_it_and_by_none_when_one_refuses(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => (o.RefusalMs, o.IdleMs) = (0, 0));
        var wide = await world.BudgetAsync(node, one => one with { LimitUnits = 10, Tenant = "acme" });
        var narrow = await world.BudgetAsync(node, one => one with { LimitUnits = 2, Model = CostNode.Model });
        var money = await world.BudgetAsync(node, one => one with
        {
            Unit = BudgetWords.Money,
            Currency = "USD",
            LimitUnits = CostAmounts.OfMoney(1),
        });
        Assert.Equal(0, await node.CallAsync(10, null, 0.3m));
        Assert.Equal(Exceeded, await node.CallAsync(10, null, 0.8m));
        Assert.Equal(0, await node.CallAsync(10, null, 0.7m));
        Assert.Equal(Exceeded, await node.CallAsync());
        await node.Worker.FlushAsync(default);
        await node.Worker.FlushAsync(default);
        Assert.Equal(2, (await world.StateAsync(wide)).Used);
        Assert.Equal(0, (await world.StateAsync(wide)).Reserved);
        Assert.Equal(2, (await world.StateAsync(narrow)).Used);
        Assert.Equal(CostAmounts.OfMoney(1), (await world.StateAsync(money)).Used);
    }
}
