using System.Text.Json;
using Taishang.Core.Data;
using Taishang.Core.ServiceCalls;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.ServiceCalls;

public sealed class CallStatsTests
{
    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Figures_equal_plain_arithmetic_over_all_calls(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        var random = new Random(5);
        string[] methods = ["SearchVectors", "UpsertVectors", "ComputeEmbedding"];
        string[] statuses = ["success", "success", "success", "failed", "timeout"];
        var calls = Enumerable.Range(0, 1_000).Select(_ => CallWorld.Call(
            CallWorld.Now.AddSeconds(-random.Next(40 * 86_400)), methods[random.Next(3)], statuses[random.Next(5)],
            random.Next(4) == 0 ? 1_000 : random.Next(1, 5_000_000),
            target: random.Next(10) == 0 ? "other" : "taishang-ai")).ToArray();
        await world.InsertAsync(calls);
        var from = CallWorld.Now.AddDays(-30);
        var meant = calls.Where(call => call.CreatedAt >= from && call.CreatedAt < CallWorld.Now).ToArray();

        var (status, body) = await world.GetAsync(
            "/stats?bucket=day&group_by=source,status&from=2026-10-23T08:00:00Z&to=2026-11-22T08:00:00Z");

        Assert.Equal(200, status);
        var stats = body.GetProperty("data").GetProperty("stats");
        Assert.Equal("2026-10-23T08:00:00.000000Z", stats.GetProperty("from").GetString());
        AssertFigures(meant, stats.GetProperty("overall"));
        AssertGroups(meant, call => call.Method, stats.GetProperty("by_method"), "method");
        AssertGroups(meant, call => call.TargetService, stats.GetProperty("by_target"), "target_service");
        AssertGroups(meant, call => call.SourceService, stats.GetProperty("by_source"), "source_service");
        AssertGroups(meant, call => call.Status, stats.GetProperty("by_status"), "status");
        AssertGroups(
            meant, call => call.CreatedAt.ToString("yyyy-MM-dd'T'00:00:00.000000'Z'"), stats.GetProperty("by_time"),
            "start");
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Buckets_are_minutes_hours_or_days_of_UTC(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        await world.InsertAsync(
            CallWorld.Call(CallWorld.Now.AddMinutes(-61)), CallWorld.Call(CallWorld.Now.AddMinutes(-59)),
            CallWorld.Call(CallWorld.Now.AddMinutes(-59).AddSeconds(59)), CallWorld.Call(CallWorld.Now.AddDays(-2)));

        async Task<string?[]> StartsAsync(string query)
        {
            var (_, body) = await world.GetAsync("/stats" + query);
            return body.GetProperty("data").GetProperty("stats").GetProperty("by_time").EnumerateArray()
                .Select(one => one.GetProperty("start").GetString()).ToArray();
        }

        Assert.Equal(["2026-11-22T06:00:00.000000Z", "2026-11-22T07:00:00.000000Z"], await StartsAsync(""));
        Assert.Equal(
            ["2026-11-22T06:59:00.000000Z", "2026-11-22T07:01:00.000000Z"], await StartsAsync("?bucket=minute"));
        Assert.Equal(
            ["2026-11-20T00:00:00.000000Z", "2026-11-22T00:00:00.000000Z"],
            await StartsAsync("?bucket=day&from=2026-11-01T00:00:00Z"));
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Without_any_call_the_figures_are_zero_and_the_success_rate_is_one(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        var (_, body) = await world.GetAsync("/stats");
        var overall = body.GetProperty("data").GetProperty("stats").GetProperty("overall");
        Assert.Equal(0, overall.GetProperty("count").GetInt64());
        Assert.Equal(1, overall.GetProperty("success_rate").GetDouble());
        Assert.Equal(0, overall.GetProperty("p99_ms").GetDouble());
    }

    private static void AssertGroups(
        ServiceCall[] calls, Func<ServiceCall, string> key, JsonElement groups, string name)
    {
        var expected = calls.GroupBy(key).OrderBy(group => group.Key, StringComparer.Ordinal).ToArray();
        var actual = groups.EnumerateArray().ToArray();
        Assert.Equal(expected.Select(group => group.Key), actual.Select(one => one.GetProperty(name).GetString()));
        for (var i = 0; i < expected.Length; i++) AssertFigures([.. expected[i]], actual[i]);
    }

    private static void AssertFigures(ServiceCall[] calls, JsonElement figures)
    {
        var sorted = calls.Select(call => call.DurationUs).Order().ToArray();
        double Percentile(int p) => sorted[((sorted.Length * p) + 99) / 100 - 1] / 1000.0;
        double Share(string status) => (double)calls.Count(call => call.Status == status) / calls.Length;
        Assert.Equal(calls.Length, figures.GetProperty("count").GetInt64());
        foreach (var status in (string[])["success", "failed", "timeout"])
            Assert.Equal(calls.Count(call => call.Status == status), figures.GetProperty(status).GetInt64());
        Assert.Equal(Share("success"), figures.GetProperty("success_rate").GetDouble(), 12);
        Assert.Equal(Share("failed"), figures.GetProperty("failure_rate").GetDouble(), 12);
        Assert.Equal(Share("timeout"), figures.GetProperty("timeout_rate").GetDouble(), 12);
        Assert.Equal(sorted.Average() / 1000, figures.GetProperty("average_ms").GetDouble(), 5);
        Assert.Equal(Percentile(50), figures.GetProperty("p50_ms").GetDouble());
        Assert.Equal(Percentile(95), figures.GetProperty("p95_ms").GetDouble());
        Assert.Equal(Percentile(99), figures.GetProperty("p99_ms").GetDouble());
        Assert.Equal(sorted[^1] / 1000.0, figures.GetProperty("max_ms").GetDouble());
    }
}
