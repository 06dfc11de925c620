using Taishang.Core.Gateway.Routes;

namespace Taishang.Core.Tests.Gateway.Routes;

public sealed class TargetHealthTests
{
    private static TargetHealth Of(int errors = 3) =>
        new(new RouteCooldown { Errors = errors, WindowMs = 1_000, CooldownMs = 500 });

    [Fact]
    public void One_failure_leaves_a_target_in_use_and_as_many_as_the_rule_says_cool_it_down()
    {
        var health = Of();
        Fail(health, 100);
        Fail(health, 200);
        Assert.True(health.IsAvailable(200));
        Fail(health, 300);
        Assert.False(health.IsAvailable(300));
        Assert.False(health.IsAvailable(799));
        Assert.Equal(500, health.AvailableInMs(300));
    }

    [Fact]
    public void Failures_that_lie_further_apart_than_the_window_do_not_add_up()
    {
        var health = Of();
        for (var at = 0; at < 10_000; at += 600) Fail(health, at);
        Assert.True(health.IsAvailable(10_000));
        Fail(health, 10_000);
        Fail(health, 10_100);
        Assert.False(health.IsAvailable(10_100));
    }

    [Fact]
    public void A_rule_of_one_failure_cools_down_at_the_first()
    {
        var health = Of(errors: 1);
        Fail(health, 0);
        Assert.False(health.IsAvailable(0));
    }

    [Fact]
    public void After_the_cooldown_one_call_is_let_through_and_decides()
    {
        var health = Of(errors: 1);
        Fail(health, 0);
        Assert.Equal(HealthEntry.Refused, health.Enter(499));
        Assert.Equal(HealthEntry.Probe, health.Enter(500));
        Assert.Equal(HealthEntry.Refused, health.Enter(501));
        Assert.False(health.IsAvailable(501));
        health.Failed(HealthEntry.Probe, 510);
        Assert.False(health.IsAvailable(1_009));
        Assert.Equal(HealthEntry.Probe, health.Enter(1_010));
        health.Succeeded(HealthEntry.Probe, 1_020, 10);
        Assert.Equal((HealthEntry.Normal, HealthEntry.Normal), (health.Enter(1_021), health.Enter(1_021)));
    }

    [Fact]
    public void A_probe_that_says_nothing_is_followed_by_another()
    {
        var health = Of(errors: 1);
        Fail(health, 0);
        health.Leave(health.Enter(500));
        Assert.Equal(HealthEntry.Probe, health.Enter(500));
    }

    [Fact]
    public void A_call_that_began_before_the_cooldown_does_not_end_the_probe_of_another()
    {
        var health = Of(errors: 1);
        var late = health.Enter(0);
        Fail(health, 0);
        var probe = health.Enter(500);
        health.Failed(late, 501);
        Assert.Equal(HealthEntry.Refused, health.Enter(502));
        health.Succeeded(probe, 503, 1);
        Assert.True(health.IsAvailable(503));
        Assert.Equal(0, health.InFlight);
    }

    [Fact]
    public void A_limit_holds_the_target_for_as_long_as_it_asked_and_is_no_failure()
    {
        var health = Of(errors: 1);
        health.Limited(health.Enter(0), 0, TimeSpan.FromSeconds(2));
        Assert.True(health.IsHeld(1_999));
        Assert.False(health.IsAvailable(1_999));
        Assert.Equal(HealthEntry.Normal, health.Enter(2_000));
    }

    [Fact]
    public void Latency_follows_what_is_seen_and_is_forgotten_in_time()
    {
        var health = Of();
        Assert.Null(health.LatencyMs(0));
        health.Succeeded(health.Enter(0), 0, 100);
        Assert.Equal(100, health.LatencyMs(0));
        health.Succeeded(health.Enter(0), 10, 200);
        Assert.Equal(120, health.LatencyMs(10)!.Value, 6);
        Assert.Null(health.LatencyMs(70_000));
    }

    [Fact]
    public async Task Of_many_callers_at_once_exactly_one_is_the_probe()
    {
        var health = Of(errors: 1);
        Fail(health, 0);
        var entries = await Task.WhenAll(
            Enumerable.Range(0, 64).Select(_ => Task.Run(() => health.Enter(500))));
        Assert.Single(entries, entry => entry == HealthEntry.Probe);
        Assert.Equal(63, entries.Count(entry => entry == HealthEntry.Refused));
    }

    private static void Fail(TargetHealth health, long at) => health.Failed(health.Enter(at), at);
}
