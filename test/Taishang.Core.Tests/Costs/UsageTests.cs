using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Data;
using Taishang.Core.Tests.Gateway;
using Taishang.Testing.Databases;

namespace Taishang.Core.Tests.Costs;

public sealed class UsageTests
{
    private const string Usage = "/api/taishang/usage";

    private static readonly DateTimeOffset Now = new(2026, 11, 22, 8, 0, 0, TimeSpan.Zero);

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Sums_by_any_grouping_are_those_of_the_calls(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        CostNode[] nodes = [await world.AddAsync(), await world.AddAsync()];
        var random = new Random(7);
        var calls = new List<(string Tenant, string Route, DateTimeOffset At, long Tokens, decimal Cost)>();
        for (var i = 0; i < 300; i++)
        {
            if (i % 30 == 0) world.Clock.Advance(TimeSpan.FromHours(random.Next(9)));
            var tenant = $"tenant {random.Next(3)}";
            var route = random.Next(2) == 0 ? "" : $"route-{random.Next(2)}";
            var (tokens, cost) = (random.Next(100), random.Next(100) / 1_000m);
            calls.Add((tenant, route, world.Clock.GetUtcNow(), tokens, cost));
            var scope = CostNode.Scope with { Tenant = tenant, Route = route.Length == 0 ? null : route };
            Assert.Equal(0, await nodes[i % 2].CallAsync(tokens, scope, cost));
            if (i % 50 == 0) await nodes[i % 2].Worker.FlushAsync(default);
        }

        foreach (var node in nodes) await node.Worker.FlushAsync(default);
        foreach (var (bucket, format) in
            new[] { ("hour", "yyyy-MM-dd'T'HH"), ("day", "yyyy-MM-dd"), ("month", "yyyy-MM") })
        {
            var (rows, total, totals) = await QueryAsync(world, bucket, ["tenant", "route"]);
            var expected = calls.GroupBy(call => (call.At.ToString(format), call.Tenant, call.Route))
                .ToDictionary(group => group.Key, group => (
                    (long)group.Count(), group.Sum(call => call.Tokens), group.Sum(call => call.Cost)));
            Assert.Equal(expected.Count, total);
            Assert.Equal(expected, rows.ToDictionary(
                row => (row.Bucket, row.Tenant, row.Route),
                row => (row.Calls, row.InputTokens, row.Costs.Sum(cost => cost.Amount))));
            Assert.Equal(
                (300L, calls.Sum(call => call.Tokens), calls.Sum(call => call.Cost)),
                (totals.Calls, totals.InputTokens, Assert.Single(totals.Costs).Amount));
        }
    }

    [Fact]
    public async Task Calls_at_once_that_no_budget_covers_are_all_counted()
    {
        await using var world = await CostWorld.StartAsync(Dialect.Sqlite);
        var node = await world.AddAsync();
        // They share nothing but the figures of their group.
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 20_000; i++) Assert.Equal(0, await node.CallAsync(1));
        })));
        await node.Worker.FlushAsync(default);
        var (_, _, totals) = await QueryAsync(world, "day", []);
        Assert.Equal((160_000, 160_000), (totals.Calls, totals.InputTokens));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Callers_beyond_as_many_rows_as_an_hour_may_have_are_counted_together(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync(o => o.UsageRowsPerHourMax = 100);
        for (var i = 0; i < 130; i++) await node.CallAsync(1, CostNode.Scope with { Tenant = $"made up {i}" });
        await node.Worker.FlushAsync(default);
        var (rows, total, totals) = await QueryAsync(world, "day", ["tenant"]);
        Assert.Equal((101, 130), (total, totals.Calls));
        Assert.Equal(30, rows.Single(row => row.Tenant == UsageBook.More).Calls);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_correction_changes_the_usage_and_each_budget_that_covers_what_it_names(Dialect dialect)
    {
        await using var world = await CostWorld.StartAsync(dialect);
        var node = await world.AddAsync();
        var tenant = await world.BudgetAsync(node, one => one with { LimitUnits = 2, Tenant = "acme" });
        var other = await world.BudgetAsync(node, one => one with { LimitUnits = 9, Tenant = "acme", Route = "main" });
        for (var i = 0; i < 2; i++) Assert.Equal(0, await node.CallAsync());
        Assert.Equal(20030, await node.CallAsync());
        var store = node.Get<UsageCorrectionStore>();
        var correction = new UsageCorrection
        {
            Id = RowId.New(world.Clock.GetUtcNow()),
            At = world.Clock.GetUtcNow(),
            Tenant = "acme",
            Calls = -1,
            InputTokens = -10,
            Reason = "given back",
            MadeBy = "test",
            CreatedAt = world.Clock.GetUtcNow(),
        };
        await store.MakeAsync(correction, null, 0, default);
        // The same request again.
        await store.MakeAsync(correction, null, 0, default);
        node.Get<CostLedger>().ForgetRefusals();
        Assert.Equal(0, await node.CallAsync());
        Assert.Equal(20030, await node.CallAsync());
        await node.Worker.FlushAsync(default);
        Assert.Equal(2, (await world.StateAsync(tenant)).Used);
        Assert.Equal(0, (await world.StateAsync(other)).Used);
        await store.MakeAsync(
            correction with { Id = RowId.New(world.Clock.GetUtcNow(), 1), Calls = 0, InputTokens = 0 }, other.Name, 4,
            default);
        Assert.Equal(4, (await world.StateAsync(other)).Used);
        var (_, _, totals) = await QueryAsync(world, "day", []);
        Assert.Equal((2, 20), (totals.Calls, totals.InputTokens));
    }

    [Fact]
    public async Task Usage_is_told_over_http_with_what_caches_knew_and_corrections_are_listed()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("a", """{"price":{"currency":"USD","input_per_1k":1000}}""");
        await world.RouteAsync("main", """{"model":"a"}""");
        for (var i = 0; i < 2; i++) await world.EmbedAsync("main", "12345", ("X-Taishang-Tenant", "acme"));
        await world.PostAsync("/api/taishang/vectors/embed", """{"model":"a","text":"123"}""");
        var usage = await world.Api.GetAsync($"{Usage}?group_by=tenant,route&bucket=month");
        Assert.Equal(
            """
            {"usage":[{"time":"2026-11-01T00:00:00.000000Z","tenant":"acme","route":"main","calls":2,"cached_calls":1,
            "input_tokens":5,"output_tokens":0,"costs":[{"amount":5,"currency":"USD"}]},
            {"time":"2026-11-01T00:00:00.000000Z","tenant":"default","calls":1,"cached_calls":0,"input_tokens":3,
            "output_tokens":0,"costs":[{"amount":3,"currency":"USD"}]}],"total":2,
            "totals":{"calls":3,"cached_calls":1,"input_tokens":8,"output_tokens":0,
            "costs":[{"amount":8,"currency":"USD"}]}}
            """.ReplaceLineEndings(""),
            usage.Data.GetRawText());
        var body = """
            {"tenant":"acme","route":"main","model":"builtin/a","input_tokens":-5,"cost":-5,"currency":"USD",
             "reason":"refunded","by":"Li Wei"}
            """;
        var first = await world.Api.PostAsync($"{Usage}/corrections", body, "once");
        var again = await world.Api.PostAsync($"{Usage}/corrections", body, "once");
        Assert.Equal((201, first.String("id")), ((int)first.Status, again.String("id")));
        Assert.Equal(3, (await world.Api.GetAsync(Usage))["totals"].GetProperty("input_tokens").GetInt32());
        var listed = await world.Api.GetAsync($"{Usage}/corrections?tenant=acme");
        Assert.Equal(1, listed["total"].GetInt32());
        Assert.Equal("refunded", listed["corrections"][0].GetProperty("reason").GetString());
        Assert.Equal("anonymous", listed["corrections"][0].GetProperty("made_with").GetString());
    }

    [Theory]
    [InlineData("from", "from=2026-11-22T08:30:00Z")]
    [InlineData("to", "to=2026-11-22T08:30:00Z")]
    [InlineData("from", "from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00Z")]
    [InlineData("from", "from=1999-11-22T08:00:00Z")]
    [InlineData("bucket", "bucket=minute")]
    [InlineData("group_by", "group_by=tenant,colour")]
    [InlineData("group_by", "group_by=tenant,tenant")]
    public void A_query_that_says_something_wrong_is_refused_by_the_name_of_its_field(string field, string query)
    {
        var parsed = new QueryCollection(QueryHelpers.ParseQuery(query));
        var refused = Assert.Throws<ApiException>(() => UsageQuery.Read(parsed, Now));
        Assert.Equal((ErrorCodes.UsageInvalid, field), (refused.Code, refused.Errors[0].Field));
    }

    [Theory]
    [InlineData("reason", """{"calls":1,"reason":"","by":"b"}""")]
    [InlineData("by", """{"calls":1,"reason":"r","by":""}""")]
    [InlineData("at", """{"calls":1,"reason":"r","by":"b","at":"2026-12-22T08:00:00Z"}""")]
    [InlineData("", """{"reason":"r","by":"b"}""")]
    [InlineData("amount", """{"calls":1,"amount":1,"reason":"r","by":"b"}""")]
    [InlineData("amount", """{"budget":"x","reason":"r","by":"b"}""")]
    [InlineData("tenant", """{"budget":"x","amount":1,"tenant":"t","reason":"r","by":"b"}""")]
    [InlineData("model", """{"calls":1,"model":"a","reason":"r","by":"b"}""")]
    [InlineData("calls", """{"calls":2000000000000000,"reason":"r","by":"b"}""")]
    [InlineData("currency", """{"cost":1,"reason":"r","by":"b"}""")]
    [InlineData("currency", """{"calls":1,"currency":"USD","reason":"r","by":"b"}""")]
    [InlineData("cost", """{"cost":0.0000000001,"currency":"USD","reason":"r","by":"b"}""")]
    public void A_correction_that_says_something_wrong_is_refused_by_the_name_of_its_field(string field, string json)
    {
        var body = JsonBody.Parse<UsageCorrectionRequest>(Encoding.UTF8.GetBytes(json));
        var refused = Assert.Throws<ApiException>(() => UsageCorrectionRules.Check(body, Now));
        Assert.Equal((ErrorCodes.UsageInvalid, field), (refused.Code, refused.Errors[0].Field));
    }

    [Theory]
    [InlineData(BudgetWords.Calls, "1.5")]
    [InlineData(BudgetWords.Tokens, "1000000000000000001")]
    [InlineData(BudgetWords.Money, "0.0000000001")]
    [InlineData(BudgetWords.Money, "-1000000001")]
    public void A_correction_of_a_budget_by_what_it_does_not_count_is_refused(string unit, string amount)
    {
        var refused = Assert.Throws<ApiException>(() => UsageCorrectionRules.UnitsOf(
            new Budget { Unit = unit, Currency = "USD" }, decimal.Parse(amount, CultureInfo.InvariantCulture)));
        Assert.Equal((ErrorCodes.UsageInvalid, "amount"), (refused.Code, refused.Errors[0].Field));
    }

    private static Task<(IReadOnlyList<UsageRow> Rows, long Total, UsageRow Totals)> QueryAsync(
        CostWorld world, string bucket, IReadOnlyList<string> groupBy) =>
        new UsageStore(world.Data.Database).QueryAsync(
            new UsageQuery(
                new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero),
                new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero), bucket, groupBy,
                new ListQuery(1, 200, null, new Dictionary<string, string>())),
            default);
}
