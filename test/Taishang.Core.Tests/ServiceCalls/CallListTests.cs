using System.Text.Json;
using Taishang.Core.Data;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.ServiceCalls;

public sealed class CallListTests
{
    private static readonly string Trace = new('a', 32);

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Calls_are_listed_newest_first_across_months_with_an_exact_total(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        var calls = Enumerable.Range(0, 25)
            .Select(i => CallWorld.Call(CallWorld.Now.AddDays(-i * 3).AddTicks(i * 10), method: $"M{i}")).ToArray();
        await world.InsertAsync([.. calls.OrderBy(call => call.Method, StringComparer.Ordinal)]);

        var seen = new List<string?>();
        for (var page = 1; page <= 4; page++)
        {
            var (status, body) = await world.GetAsync($"?page={page}&page_size=7");
            Assert.Equal(200, status);
            Assert.Equal(25, body.GetProperty("data").GetProperty("total").GetInt64());
            seen.AddRange(Methods(body));
        }

        Assert.Equal(calls.Select(call => call.Method), seen);
        var (_, oldest) = await world.GetAsync("?sort=created_at&page_size=200");
        Assert.Equal(calls.Select(call => call.Method).Reverse(), Methods(oldest));
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task Filters_choose_by_every_field(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        var now = CallWorld.Now;
        await world.InsertAsync(
            CallWorld.Call(now.AddHours(-1), "A", us: 900),
            CallWorld.Call(now.AddHours(-2), "B", "failed", us: 5_000, trace: Trace),
            CallWorld.Call(now.AddHours(-3), "C", "timeout", us: 30_000_000, target: "other"),
            CallWorld.Call(now.AddHours(-4), "D", source: "python"));

        async Task FindsAsync(string query, params string[] methods)
        {
            var (status, body) = await world.GetAsync(query);
            Assert.Equal(200, status);
            Assert.Equal(methods, Methods(body));
            Assert.Equal(methods.Length, body.GetProperty("data").GetProperty("total").GetInt64());
        }

        await FindsAsync("", "A", "B", "C", "D");
        await FindsAsync("?status=failed", "B");
        await FindsAsync("?status=timeout", "C");
        await FindsAsync("?method=A", "A");
        await FindsAsync("?target_service=other", "C");
        await FindsAsync("?source_service=python", "D");
        await FindsAsync($"?trace_id={Trace}", "B");
        await FindsAsync("?min_duration=0.9", "A", "B", "C", "D");
        await FindsAsync("?min_duration=5", "B", "C");
        await FindsAsync("?min_duration=5.001", "C");
        await FindsAsync("?from=2026-11-22T05:00:00Z&to=2026-11-22T07:00:00Z", "B", "C");
        await FindsAsync("?from=2026-11-22T13:00:00%2B08:00&to=2026-11-22T07:00:00.000001Z", "A", "B", "C");
        await FindsAsync("?status=success&method=B");
    }

    [Theory]
    [ClassData(typeof(EveryDatabase))]
    public async Task A_call_shows_every_field_of_its_shape(Dialect dialect)
    {
        await using var world = await CallWorld.StartAsync(dialect);
        var at = CallWorld.Now.AddMilliseconds(-1).AddTicks(1_230);
        var call = CallWorld.Call(at, status: "failed", us: 1_700, trace: Trace);
        await world.InsertAsync(call);
        await world.InsertAsync(call);

        var (_, body) = await world.GetAsync("");

        var shown = Assert.Single(body.GetProperty("data").GetProperty("calls").EnumerateArray().ToArray());
        Assert.Equal(
            $$"""
            {"id":"{{call.Id}}","source_service":"taishang-core","target_service":"taishang-ai",
            "method":"SearchVectors","request":"{}","response":"","duration":2,"duration_us":1700,"status":"failed",
            "error_msg":"it failed","error_code":90001,"trace_id":"{{Trace}}","address":"http://127.0.0.1:1",
            "worker_id":"worker","attempt":1,"created_at":"2026-11-22T07:59:59.999123Z"}
            """.Replace("\n", "", StringComparison.Ordinal),
            shown.GetRawText());
    }

    [Theory]
    [InlineData("?status=done", 60001, "status")]
    [InlineData("?trace_id=xyz", 60001, "trace_id")]
    [InlineData("?from=yesterday", 60001, "from")]
    [InlineData("?to=2026-11-22", 60001, "to")]
    [InlineData("?from=2026-11-22T07:00:00Z&to=2026-11-22T07:00:00Z", 60001, "from")]
    [InlineData("?min_duration=-1", 60001, "min_duration")]
    [InlineData("?min_duration=NaN", 60001, "min_duration")]
    [InlineData("?method=", 60001, "method")]
    [InlineData("?method=a%00b", 10001, "method")]
    [InlineData("?page_size=201", 10007, "page_size")]
    [InlineData("?colour=red", 10003, "colour")]
    [InlineData("/stats?bucket=week", 60001, "bucket")]
    [InlineData("/stats?group_by=colour", 60001, "group_by")]
    [InlineData("/stats?group_by=", 60001, "group_by")]
    [InlineData("/stats?page=1", 10003, "page")]
    [InlineData("/stats?bucket=minute&from=2026-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", 60001, "bucket")]
    [InlineData("/stats?bucket=day&from=2006-01-01T00:00:00Z&to=2026-02-01T00:00:00Z", 60001, "from")]
    public async Task A_query_that_can_not_be_meant_is_refused_by_field(string query, int code, string field)
    {
        await using var world = await CallWorld.StartAsync(Dialect.Sqlite);
        var (status, body) = await world.GetAsync(query);
        Assert.Equal((400, code), (status, body.GetProperty("code").GetInt32()));
        var error = body.GetProperty("data").GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
    }

    private static IEnumerable<string?> Methods(JsonElement body) =>
        body.GetProperty("data").GetProperty("calls").EnumerateArray()
            .Select(call => call.GetProperty("method").GetString());
}
