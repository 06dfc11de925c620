using System.Diagnostics;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Bench;

/// <summary>
/// The decision which target a call goes to: conditions, health and strategy over routes of a few and of the most
/// targets, on one thread, and what it allocates.
/// </summary>
internal static class RoutingBench
{
    private const int DecisionsASecond = 400_000;
    private const int Warm = 20_000;

    public static Task RunAsync(BenchSize size)
    {
        var report = new Report("routing decision");
        var worst = 0.0;
        foreach (var count in new[] { 2, 8, RouteRules.TargetsMax })
        {
            foreach (var strategy in Enum.GetValues<RouteStrategy>())
            {
                var nanoseconds = Measure(Targets(count), strategy, size.Seconds * DecisionsASecond);
                worst = Math.Max(worst, nanoseconds);
                report.Add($"{count} targets {RouteStrategies.All[(int)strategy]}", nanoseconds, "ns");
            }
        }

        report.Add("worst", worst / 1_000, "us");
        report.Add("language of a text", Language(size.Seconds * DecisionsASecond), "ns");
        report.Add("allocated by a decision", Allocated(), "B");
        report.Print();
        return Task.CompletedTask;
    }

    private static double Measure(RouteTarget[] targets, RouteStrategy strategy, int decisions)
    {
        var traits = new CallTraits("zh", 120, ["gold"]);
        var dice = new RouteDice(42);
        var sum = 0;
        for (var i = 0; i < Warm; i++) sum += TargetChooser.Choose(targets, strategy, traits, 0, i, dice);
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < decisions; i++) sum += TargetChooser.Choose(targets, strategy, traits, 0, i, dice);
        var elapsed = Stopwatch.GetElapsedTime(start).TotalNanoseconds;
        GC.KeepAlive(sum);
        return elapsed / decisions;
    }

    private static double Language(int texts)
    {
        const string Text = "检索系统把文本变成向量，再找最近的向量；a few words of English stand in between.";
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < texts; i++) GC.KeepAlive(TextLanguage.Of(Text));
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / texts;
    }

    private static double Allocated()
    {
        var targets = Targets(RouteRules.TargetsMax);
        var traits = new CallTraits("zh", 120, ["gold"]);
        var dice = new RouteDice(42);
        TargetChooser.Choose(targets, RouteStrategy.Weighted, traits, 0, 0, dice);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Warm; i++) TargetChooser.Choose(targets, RouteStrategy.Weighted, traits, 0, 0, dice);
        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Warm;
    }

    /// <summary>Half of them with a condition, every one of known latency and price.</summary>
    private static RouteTarget[] Targets(int count) =>
    [
        .. Enumerable.Range(0, count).Select(i =>
        {
            var spec = new RouteTargetSpec
            {
                Model = $"model-{i}",
                Weight = i + 1,
                When = i % 2 == 0 ? null : new RouteCondition { Languages = ["en", "zh"], Labels = ["silver", "gold"] },
            };
            var target = new RouteTarget(spec, false, new TargetHealth(new RouteCooldown()));
            target.Health.Succeeded(target.Health.Enter(0), 0, i + 1);
            target.Price = new ModelPrice("USD", null, i, i);
            return target;
        }),
    ];
}
