using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Alerts;
using Taishang.Core.Api;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Alerts;

/// <summary>When rules fire and resolve.</summary>
public sealed class AlertStateTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_rule_fires_when_its_threshold_is_passed_and_resolves_when_it_no_longer_is(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        var alert = await world.AddAsync();
        Assert.Equal("ok", await world.EvaluateAsync(alert));
        await world.EndAsync(completed: 4, failed: 4);
        Assert.Equal("ok", await world.EvaluateAsync(alert));
        await world.EndAsync(completed: 0, failed: 1);
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        // The window moves past it.
        Assert.Equal("ok", await world.EvaluateAsync(alert, 400));
        Assert.Equal("ok", await world.EvaluateAsync(alert));

        Assert.Equal(["firing", "resolved"], await world.EventsAsync(alert));
        var newest = new ListQuery(1, 20, null, new Dictionary<string, string>());
        var (events, _) = await world.Store.EventsAsync(alert.Id, newest, default);
        Assert.Equal(0.555556, events[1].Value);
        Assert.Contains("failure_rate is 0.555556", events[1].Reason, StringComparison.Ordinal);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_rule_that_must_hold_for_a_time_does_not_fire_for_a_moment(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        var alert = await world.AddAsync(one => one with { ForSeconds = 60, WindowSeconds = 60 });
        await world.EndAsync(0, 1);
        Assert.Equal("pending", await world.EvaluateAsync(alert));
        Assert.Equal("ok", await world.EvaluateAsync(alert, 300));
        for (var i = 0; i < 6; i++)
        {
            await world.EndAsync(0, 1);
            Assert.Equal("pending", await world.EvaluateAsync(alert));
        }

        await world.EndAsync(0, 1);
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        Assert.Equal(["firing"], await world.EventsAsync(alert));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_burn_rate_fires_when_both_windows_burn_and_resolves_by_the_short_one(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        var alert = await world.AddAsync(one => one with
        {
            Kind = AlertWords.BurnRate,
            Objective = 0.99,
            Threshold = 14.4,
            WindowSeconds = 3_600,
        });
        await world.EndAsync(completed: 1_000, failed: 0);
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(20));
        // The last minutes burn, the hour does not yet.
        await world.EndAsync(completed: 50, failed: 50);
        Assert.Equal("ok", await world.EvaluateAsync(alert));
        await world.EndAsync(completed: 100, failed: 300);
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        // The hour still burns, the last five minutes do not.
        world.Data.FakeTime.Advance(TimeSpan.FromMinutes(7));
        await world.EndAsync(completed: 1, failed: 0);
        Assert.Equal("ok", await world.EvaluateAsync(alert));
        Assert.Equal(["firing", "resolved"], await world.EventsAsync(alert));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Rules_look_at_their_type_and_at_the_queue(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        var slow = await world.AddAsync(one => one with
        {
            Name = "slow",
            Metric = "p95_ms",
            Type = "embedding",
            Threshold = 1_000,
        });
        var idle = await world.AddAsync(one => one with
        {
            Name = "idle",
            Metric = "throughput_per_minute",
            Comparison = AlertWords.Below,
            Threshold = 1,
        });
        var queue = await world.AddAsync(one => one with { Name = "queue", Metric = "queue_depth", Threshold = 0 });
        await world.EndAsync(100, 0, "index", runMs: 5_000);
        Assert.Equal("ok", await world.EvaluateAsync(slow));
        await world.EndAsync(100, 0, "embedding", runMs: 5_000);
        Assert.Equal("firing", await world.EvaluateAsync(slow));
        Assert.Equal("ok", (await world.Store.GetAsync(idle.Id, default)).State);
        Assert.Equal("firing", await world.EvaluateAsync(idle, 600));
        Assert.Equal("ok", (await world.Store.GetAsync(queue.Id, default)).State);
        Assert.Equal(0, (await world.Store.GetAsync(queue.Id, default)).LastValue);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Two_processes_evaluate_a_rule_once_an_interval(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        await using var other = world.Another();
        var alert = await world.AddAsync();
        await world.EndAsync(0, 1);
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(1));
        var worker = other.GetRequiredService<AlertWorker>();

        var counts = await Task.WhenAll(world.Worker.EvaluateAsync(default), worker.EvaluateAsync(default));

        Assert.Equal(1, counts.Sum());
        Assert.Equal(["firing"], await world.EventsAsync(alert));
        Assert.Equal(0, await worker.EvaluateAsync(default));
        // An evaluation of a rule that was changed meanwhile writes nothing.
        var old = await world.Store.GetAsync(alert.Id, default);
        world.Data.FakeTime.Advance(TimeSpan.FromSeconds(1));
        await world.Store.ReplaceAsync(old with { Threshold = 2 }, default);
        await world.Store.EvaluatedAsync(old, null, default);
        Assert.Equal("firing", (await world.Store.GetAsync(alert.Id, default)).State);
        Assert.Equal("ok", await world.EvaluateAsync(alert));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_paused_rule_rests_and_a_deleted_one_is_gone_with_its_history(Dialect dialect)
    {
        await using var world = await AlertWorld.StartAsync(dialect);
        var alert = await world.AddAsync(url: "http://127.0.0.1:9/hook");
        await world.Store.ReplaceAsync(alert with { Paused = true }, default);
        await world.EndAsync(0, 1);
        Assert.Equal("ok", await world.EvaluateAsync(alert));
        await world.Store.ReplaceAsync(alert with { Paused = false }, default);
        Assert.Equal("firing", await world.EvaluateAsync(alert));
        var taken = await Assert.ThrowsAsync<ApiException>(() => world.AddAsync());
        Assert.Equal(ErrorCodes.AlertExists, taken.Code);

        await world.Store.DeleteAsync(alert.Id, default);

        await Assert.ThrowsAsync<ApiException>(() => world.Store.GetAsync(alert.Id, default));
        foreach (var table in (string[])["tai_alert_events", "tai_alert_deliveries"])
        {
            Assert.Equal(0, await world.Data.Database.ReadAsync(
                session => session.ScalarAsync<long>($"SELECT count(*) FROM {table}"), default));
        }
    }
}
