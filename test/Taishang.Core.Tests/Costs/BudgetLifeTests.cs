using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

public sealed class BudgetLifeTests
{
    private const int Exceeded = 20030;

    private static readonly TimeSpan Dead = TimeSpan.FromSeconds(31);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task What_a_killed_process_had_leased_counts_as_spent_and_the_rest_is_there_for_others(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var killed = await world.AddAsync(o => o.BlockCalls = 0);
        var budget = await world.BudgetAsync(killed, one => one with { LimitUnits = 10 });
        await killed.CallAsync();
        await killed.Worker.FlushAsync(default);
        await killed.CallAsync();
        await killed.AdmitAsync();
        world.Kill(killed);
        var other = await world.AddAsync();
        await other.Worker.SweepAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((2, 1, 0), (state.Used, state.Reserved, state.Abandoned));
        world.Clock.Advance(Dead);
        await other.Worker.SweepAsync(default);
        state = await world.StateAsync(budget);
        Assert.Equal((2, 0, 1), (state.Used, state.Reserved, state.Abandoned));
        for (var i = 0; i < 7; i++) Assert.Equal(0, await other.CallAsync());
        Assert.Equal(Exceeded, await other.CallAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_process_that_was_only_paused_takes_its_room_back_and_nothing_is_counted_twice(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var paused = await world.AddAsync();
        var budget = await world.BudgetAsync(paused, one => one with { LimitUnits = 10 });
        var call = await paused.AdmitAsync();
        var door = world.Data.OpenAnother();
        // Its own beat would renew the lease: the database's clock alone has moved.
        await door.WriteAsync(
            session => session.ExecuteAsync("UPDATE tai_budget_holders SET deadline_ms = 1"), default);
        Assert.Equal(1, await new CostExchange(door).SweepAsync(default));
        Assert.Equal(1, (await world.StateAsync(budget)).Abandoned);
        await CostNode.SettleAsync(call, 10);
        await paused.Worker.FlushAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((1, 0, 0), (state.Used, state.Reserved, state.Abandoned));
        for (var i = 0; i < 9; i++) Assert.Equal(0, await paused.CallAsync());
        Assert.Equal(Exceeded, await paused.CallAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_process_that_lives_keeps_what_it_has_leased(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var other = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 10 });
        await using var call = await node.AdmitAsync();
        for (var i = 0; i < 6; i++)
        {
            world.Clock.Advance(TimeSpan.FromSeconds(15));
            await node.Worker.FlushAsync(default);
            await other.Worker.SweepAsync(default);
        }

        Assert.Equal((1, 0), ((await world.StateAsync(budget)).Reserved, (await world.StateAsync(budget)).Abandoned));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_orderly_stop_writes_what_was_used_and_gives_back_what_was_not(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 1_000 });
        for (var i = 0; i < 3; i++) await node.CallAsync();
        Assert.True((await world.StateAsync(budget)).Reserved > 3);
        await world.StopAsync(node);
        var state = await world.StateAsync(budget);
        Assert.Equal((3, 0), (state.Used, state.Reserved));
        Assert.Equal(0, await world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>("SELECT COUNT(*) FROM tai_budget_holders"), default));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task At_midnight_a_new_day_begins_and_calls_end_in_the_day_that_admitted_them(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var day = await world.BudgetAsync(node, one => one with { LimitUnits = 2 });
        var month = await world.BudgetAsync(
            node, one => one with { LimitUnits = 3, Period = BudgetWords.Month, Tenant = "acme" });
        world.Clock.Advance(TimeSpan.FromHours(15.99));
        var late = await node.AdmitAsync();
        Assert.Equal(0, await node.CallAsync());
        var refused = await Assert.ThrowsAsync<ApiException>(() => node.AdmitAsync());
        Assert.Equal(ErrorCodes.BudgetHeld, refused.Code);
        world.Clock.Advance(TimeSpan.FromHours(0.02));
        Assert.Equal(0, await node.CallAsync());
        await CostNode.SettleAsync(late, 10);
        await node.Worker.FlushAsync(default);
        Assert.Equal(1, (await world.StateAsync(day)).Used);
        Assert.Equal(2, await UsedAsync(world, day, "2026-11-22"));
        Assert.Equal(3, (await world.StateAsync(month)).Used);
        refused = await Assert.ThrowsAsync<ApiException>(() => node.AdmitAsync());
        Assert.Equal(ErrorCodes.BudgetExceeded, refused.Code);
        // Until the first of December.
        Assert.Equal(8, (int)Math.Round(refused.RetryAfter!.Value.TotalDays));
        Assert.Contains(
            "0 calls left of 3 calls until 2026-12-01T00:00:00Z", refused.Message, StringComparison.Ordinal);
        await node.Worker.FlushAsync(default);
        Assert.Equal(0, await ReservedAsync(world, "2026-11-22"));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_budget_that_is_deleted_lets_calls_under_way_end_and_stands_in_nobodys_way(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 2 });
        var call = await node.AdmitAsync();
        var other = await world.AddAsync();
        await other.Get<BudgetStore>().DeleteAsync(budget.Id, default);
        // This process has not heard of it yet.
        for (var i = 0; i < 5; i++) Assert.Equal(0, await node.CallAsync());
        await CostNode.SettleAsync(call, 10);
        await node.Worker.FlushAsync(default);
        await node.Get<BudgetDirectory>().RefreshAsync(default);
        Assert.Equal(0, await node.CallAsync());
        Assert.Equal(0, await ReservedAsync(world, "2026-11-22"));
    }

    [Fact]
    public async Task A_call_that_comes_to_a_budget_in_the_moment_of_its_end_does_not_wait_for_it()
    {
        await using var world = await CostWorld.StartAsync(Dialect.Sqlite);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 2 });
        var ledger = node.Get<CostLedger>();
        var counter = ledger.CounterOf(budget);
        await node.Get<BudgetStore>().DeleteAsync(budget.Id, default);
        Assert.Null(await ledger.TakeAsync(counter, 5, default));
        // The ledger has forgotten the counter, and nothing would ever answer who waits at it.
        Assert.NotSame(counter, ledger.CounterOf(budget));
        var late = ledger.TakeAsync(counter, 5, default).AsTask();
        Assert.True(late.IsCompletedSuccessfully);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_budget_in_shadow_mode_counts_what_it_would_have_refused_and_refuses_nothing(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 3, Mode = BudgetWords.Shadow });
        for (var i = 0; i < 5; i++) Assert.Equal(0, await node.CallAsync());
        await node.Worker.FlushAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((5, 2), (state.Used, state.Refused));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_call_that_uses_more_than_it_said_is_counted_whole(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => o.BlockCalls = 0);
        var budget = await world.BudgetAsync(node, one => one with { Unit = BudgetWords.Tokens, LimitUnits = 100 });
        await using (var call = await node.AdmitAsync(10)) await CostNode.SettleAsync(call, 130);
        await node.Worker.FlushAsync(default);
        var state = await world.StateAsync(budget);
        Assert.Equal((130, 0), (state.Used, state.Reserved));
        Assert.Equal(Exceeded, await node.CallAsync(1));
    }

    private static Task<long> UsedAsync(CostWorld world, Budget budget, string period) =>
        world.Data.Database.ReadAsync(
            session => session.ScalarAsync<long>(
                "SELECT used FROM tai_budget_periods WHERE budget_id = @Id AND period = @period",
                new { budget.Id, period }),
            default);

    private static Task<long> ReservedAsync(CostWorld world, string period) => world.Data.Database.ReadAsync(
        session => session.ScalarAsync<long>(
            "SELECT COALESCE(SUM(reserved), 0) FROM tai_budget_periods WHERE period = @period", new { period }),
        default);
}
