using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

public sealed class CostFaultTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_write_whose_answer_is_lost_is_sent_again_and_counts_once(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 100 });
        for (var i = 0; i < 3; i++) await node.CallAsync();
        node.Door.FaultAfter = new TimeoutException("lost");
        await Assert.ThrowsAsync<TimeoutException>(() => node.Worker.FlushAsync(default));
        await node.CallAsync();
        node.Door.FaultAfter = null;
        await node.Worker.FlushAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal(4, state.Used);
        Assert.Equal(4, await CallsAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Room_that_was_granted_by_an_answer_that_was_lost_is_not_lost(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => o.BlockCalls = 0);
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 3 });
        node.Door.FaultAfter = new TimeoutException("lost");
        await Assert.ThrowsAsync<TimeoutException>(() => node.AdmitAsync());
        Assert.Equal(1, (await world.StateAsync(budget)).Reserved);
        node.Door.FaultAfter = null;
        await node.Worker.FlushAsync(default);
        for (var i = 0; i < 3; i++) Assert.Equal(0, await node.CallAsync());
        Assert.Equal(20030, await node.CallAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task While_the_database_is_away_calls_without_room_fail_and_what_was_used_waits(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => o.BlockCalls = 0);
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 50, Tenant = "acme" });
        await world.BudgetAsync(
            node, one => one with { LimitUnits = 1, Mode = BudgetWords.Shadow, Tenant = "watched" });
        Assert.Equal(0, await node.CallAsync());
        node.Door.Fault = new ApiException(ErrorCodes.DatabaseUnavailable);
        Assert.Equal(ErrorCodes.DatabaseUnavailable.Number, await node.CallAsync());
        Assert.Equal(0, await node.CallAsync(10, CostNode.Scope with { Tenant = "free" }));
        Assert.Equal(0, await node.CallAsync(10, CostNode.Scope with { Tenant = "watched" }));
        node.Door.Fault = null;
        await node.Worker.FlushAsync(default);
        Assert.Equal(1, (await world.StateAsync(budget)).Used);
        Assert.Equal(3, await CallsAsync(world));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_caller_that_goes_away_while_it_waits_holds_nothing(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 20 });
        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
        {
            using var gone = new CancellationTokenSource();
            var call = node.AdmitAsync(cancellation: gone.Token);
            if (i % 2 == 0) await gone.CancelAsync();
            try
            {
                await (await call).DisposeAsync();
            }
            catch (Exception e) when (e is OperationCanceledException or ApiException)
            {
                // Went away, or was refused.
            }
        })));
        await node.Worker.StopAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((0, 0), (state.Used, state.Reserved));
    }

    private static Task<long> CallsAsync(CostWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT COALESCE(SUM(calls), 0) FROM tai_usage"), default);
}
