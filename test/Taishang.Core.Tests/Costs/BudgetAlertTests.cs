using Taishang.Core.Alerts;
using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

public sealed class BudgetAlertTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Each_threshold_is_told_once_a_period_to_the_rules_that_are_about_it(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => o.BlockCalls = 0);
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 10 });
        var store = new AlertStore(world.Data.Database, world.Clock);
        var all = await store.CreateAsync(Rule("all", null, 0), default);
        var late = await store.CreateAsync(Rule("late", budget.Name, 80), default);
        var others = await store.CreateAsync(Rule("others", "another", 0), default);
        for (var i = 0; i < 4; i++) await CallAsync(node);
        Assert.Empty(await EventsAsync(store, all));
        await CallAsync(node);
        Assert.Equal(["50"], await EventsAsync(store, all));
        await CallAsync(node);
        Assert.Equal(["50"], await EventsAsync(store, all));
        // Several at once, from another process, after the first was killed.
        world.Kill(node);
        var next = await world.AddAsync(o => o.BlockCalls = 0);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => next.CallAsync()));
        await next.Worker.FlushAsync(default);
        Assert.Equal(["50", "80", "100"], await EventsAsync(store, all));
        Assert.Equal(["80", "100"], await EventsAsync(store, late));
        Assert.Empty(await EventsAsync(store, others));
        Assert.Equal(AlertWords.Firing, (await store.GetAsync(all.Id, default)).State);
        Assert.Equal(100, await new BudgetStore(world.Data.Database, world.Clock)
            .HighestPercentAsync(budget.Name, world.Clock.GetUtcNow(), default));
        var (sent, _) = await new AlertDeliveries(world.Data.Database).ListAsync(all.Id, Oldest, default);
        Assert.Equal(3, sent.Count);
        Assert.Contains("it has passed 50 %", sent[0].Body, StringComparison.Ordinal);

        world.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Null(await new BudgetStore(world.Data.Database, world.Clock)
            .HighestPercentAsync(budget.Name, world.Clock.GetUtcNow(), default));
        for (var i = 0; i < 5; i++) await CallAsync(next);
        Assert.Equal(["50", "80", "100", "50"], await EventsAsync(store, all));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_correction_that_passes_a_threshold_tells_it_and_one_back_and_forth_tells_nothing_more(
        Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var budget = await world.BudgetAsync(node, one => one with { LimitUnits = 10 });
        var store = new AlertStore(world.Data.Database, world.Clock);
        var rule = await store.CreateAsync(Rule("all", null, 0), default);
        foreach (var amount in new[] { 5, -5, 6 })
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            await node.Get<UsageCorrectionStore>().MakeAsync(
                new UsageCorrection
                {
                    Id = RowId.New(world.Clock.GetUtcNow()),
                    At = world.Clock.GetUtcNow(),
                    Reason = "r",
                    MadeBy = "b",
                    CreatedAt = world.Clock.GetUtcNow(),
                },
                budget.Id, amount, default);
        }

        Assert.Equal(["50"], await EventsAsync(store, rule));
    }

    private static Alert Rule(string name, string? budget, double threshold) => new()
    {
        Id = RowId.New(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero)),
        Name = name,
        Kind = AlertWords.Threshold,
        Metric = AlertMetrics.BudgetUsed,
        Type = budget,
        Comparison = AlertWords.Above,
        Threshold = threshold - 0.001,
        WindowSeconds = 300,
        State = AlertWords.Ok,
        WebhookUrl = "http://127.0.0.1:1/",
        WebhookSecret = "sealed",
    };

    private static ListQuery Oldest { get; } =
        new(1, 200, new ListSort("created_at", Descending: false), new Dictionary<string, string>());

    private static async Task CallAsync(CostNode node)
    {
        Assert.Equal(0, await node.CallAsync());
        await node.Worker.FlushAsync(default);
    }

    /// <summary>The thresholds that were told, in order.</summary>
    private static async Task<string[]> EventsAsync(AlertStore store, Alert rule)
    {
        var (events, _) = await store.EventsAsync(rule.Id, Oldest, default);
        return [.. events.Select(one => one.Reason.Split("it has passed ")[1].Split(' ')[0])];
    }
}
