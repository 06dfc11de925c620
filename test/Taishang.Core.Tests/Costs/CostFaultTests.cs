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

    [Fact]
    public async Task A_caller_that_goes_away_as_its_room_comes_gives_it_back()
    {
        var options = new CostOptions();
        var period = BudgetPeriod.Of(BudgetWords.Day, new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero));
        for (var i = 0; i < 20_000; i++)
        {
            var counter = new BudgetCounter(new Budget { Id = "id", Name = "few" }, period, options);
            using var gone = new CancellationTokenSource();
            var call = counter.TakeAsync(1, 0, () => { }, gone.Token).AsTask();
            var delta = counter.Capture(beat: false, 0, closing: false)!;
            using var both = new Barrier(2);
            var leaves = Task.Run(() =>
            {
                both.SignalAndWait();
                gone.Cancel();
            });
            both.SignalAndWait();
            counter.Apply(delta, new CounterResult(1, 0, 1, 0, 10, false), 0);
            await leaves;
            try
            {
                Assert.Null(await call);
                counter.Settle(1, 0);
            }
            catch (OperationCanceledException)
            {
                // Its room is free again, whichever of the two was first.
            }

            var back = counter.Capture(beat: true, 0, closing: true)!;
            Assert.Equal((0, 0), (back.Leased, back.Spent));
        }
    }

    private static Task<long> CallsAsync(CostWorld world) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>("SELECT COALESCE(SUM(calls), 0) FROM tai_usage"), default);
}
