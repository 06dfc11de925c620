using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Tests.Gateway.Routes;

public sealed class TargetChooserTests
{
    private static readonly CallTraits Any = new("zh", 10, ["gold"]);

    [Fact]
    public void Weights_are_the_shares_of_calls()
    {
        var counts = Count(RouteStrategy.Weighted, [Target("a", 1), Target("b", 3), Target("c", 0)], 40_000);
        Assert.InRange(counts[0], 9_500, 10_500);
        Assert.Equal((40_000, 0), (counts[0] + counts[1], counts[2]));
    }

    [Fact]
    public void Round_robin_gives_each_its_turn()
    {
        Assert.Equal([100, 100, 100], Count(RouteStrategy.RoundRobin, [Target("a"), Target("b"), Target("c")], 300));
    }

    [Fact]
    public void The_least_busy_is_the_one_with_the_fewest_open_calls()
    {
        RouteTarget[] targets = [Target("a"), Target("b"), Target("c")];
        targets[0].Health.Enter(0);
        targets[2].Health.Enter(0);
        Assert.Equal([0, 10, 0], Count(RouteStrategy.LeastBusy, targets, 10));
        targets[1].Health.Enter(0);
        Assert.Equal([10, 10, 10], Count(RouteStrategy.LeastBusy, targets, 30));
    }

    [Fact]
    public void The_quickest_is_asked_and_an_unknown_one_by_one_call_at_a_time()
    {
        RouteTarget[] targets = [Target("a"), Target("b"), Target("c")];
        Seen(targets[0], 20);
        Seen(targets[1], 10);
        Assert.Equal([0, 0, 5], Count(RouteStrategy.LowestLatency, targets, 5));
        targets[2].Health.Enter(0);
        Assert.Equal([0, 5, 0], Count(RouteStrategy.LowestLatency, targets, 5));
        targets[2].Health.Succeeded(HealthEntry.Normal, 0, 5);
        Assert.Equal([0, 0, 5], Count(RouteStrategy.LowestLatency, targets, 5));
    }

    [Fact]
    public void The_cheapest_is_asked_and_no_price_is_none()
    {
        RouteTarget[] targets = [Target("a"), Target("b")];
        targets[0].Price = new ModelPrice("USD", null, 0.02m, 0);
        targets[1].Price = new ModelPrice("USD", 0.01m, 0, 0);
        Assert.Equal([0, 5], Count(RouteStrategy.LowestCost, targets, 5));
        targets[0].Price = null;
        Assert.Equal([5, 0], Count(RouteStrategy.LowestCost, targets, 5));
    }

    [Fact]
    public void Fallbacks_come_in_their_order_when_no_target_is_left()
    {
        RouteTarget[] targets = [Target("a"), Fallback("x"), Fallback("y")];
        var dice = new RouteDice(1);
        int Choose(uint passed) => TargetChooser.Choose(targets, RouteStrategy.Weighted, Any, passed, 0, dice);
        Assert.Equal((0, 1, 2, -1), (Choose(0), Choose(1), Choose(3), Choose(7)));
    }

    [Theory]
    [InlineData("""{"languages":["zh","ja"]}""", true)]
    [InlineData("""{"languages":["en"]}""", false)]
    [InlineData("""{"length_min":10,"length_max":10}""", true)]
    [InlineData("""{"length_min":11}""", false)]
    [InlineData("""{"length_max":9}""", false)]
    [InlineData("""{"labels":["silver","Gold"]}""", true)]
    [InlineData("""{"labels":["silver"]}""", false)]
    public void A_condition_lets_through_what_meets_all_of_it(string json, bool meets)
    {
        var when = System.Text.Json.JsonSerializer.Deserialize<RouteCondition>(json, Core.Api.ApiJson.Options)!;
        var target = new RouteTarget(new RouteTargetSpec { Model = "a", When = when }, false, new(new()));
        Assert.Equal(meets, target.Takes(Any));
    }

    [Theory]
    [InlineData("a fine day", "en")]
    [InlineData("今天天气很好", "zh")]
    [InlineData("用 Redis 做缓存", "zh")]
    [InlineData("今日は天気がいい", "ja")]
    [InlineData("오늘 날씨가 좋다", "ko")]
    [InlineData("хороший день", "ru")]
    [InlineData("12345 !?", "")]
    [InlineData("", "")]
    public void A_language_is_told_by_its_script(string text, string language) =>
        Assert.Equal(language, TextLanguage.Of(text));

    [Fact]
    public void A_decision_allocates_nothing()
    {
        RouteTarget[] targets = [.. Enumerable.Range(0, 32).Select(i => Target($"t{i}", i + 1))];
        var dice = new RouteDice(7);
        foreach (var strategy in Enum.GetValues<RouteStrategy>())
        {
            TargetChooser.Choose(targets, strategy, Any, 0, 0, dice);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1_000; i++) TargetChooser.Choose(targets, strategy, Any, 0, 0, dice);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    private static int[] Count(RouteStrategy strategy, RouteTarget[] targets, int calls)
    {
        var counts = new int[targets.Length];
        var dice = new RouteDice(42);
        for (var i = 0; i < calls; i++) counts[TargetChooser.Choose(targets, strategy, Any, 0, 0, dice)]++;
        return counts;
    }

    private static RouteTarget Target(string model, int weight = 1) =>
        new(new RouteTargetSpec { Model = model, Weight = weight }, false, new(new()));

    private static RouteTarget Fallback(string model) => new(new RouteTargetSpec { Model = model }, true, new(new()));

    private static void Seen(RouteTarget target, double ms) =>
        target.Health.Succeeded(target.Health.Enter(0), 0, ms);
}
