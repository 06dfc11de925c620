using System.Net;
using System.Text;
using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Costs;
using Taishang.Core.Tests.Gateway;

namespace Taishang.Core.Tests.Costs;

public sealed class BudgetApiTests
{
    private const string Budgets = "/api/taishang/budgets";
    private const string Embeddings = "/v1/embeddings";

    [Fact]
    public async Task A_budget_is_spent_by_calls_told_in_both_forms_and_free_again_with_the_next_day()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await MakeAsync(world, """{"name":"acme","tenant":"acme","unit":"tokens","period":"day","limit":20}""");
        var acme = ("X-Taishang-Tenant", "acme");
        var served = await EmbedAsync(world, "0123456789", acme);
        Assert.Equal(HttpStatusCode.OK, served.Status);
        var state = (await world.Api.GetAsync($"{Budgets}/acme")).Data.GetProperty("state");
        Assert.Equal(
            (10, 10, 4, "2026-11-22", "2026-11-23T00:00:00.000000Z"),
            (state.GetProperty("used").GetInt32(), state.GetProperty("left").GetInt32(),
                state.GetProperty("reserved").GetInt32(), state.GetProperty("period").GetString(),
                state.GetProperty("resets_at").GetString()));
        // A token is at least a byte, and four frame a text: 11 bytes may be 15 tokens.
        var refused = await EmbedAsync(world, "other words", acme);
        Assert.Equal((HttpStatusCode.TooManyRequests, 20030), (refused.Status, refused.Code));
        Assert.Equal(
            "budget: the budget 'acme' has 10 tokens left of 20 tokens until 2026-11-23T00:00:00Z; the call may use up"
            + " to 15 tokens", refused.Message);
        Assert.Equal(TimeSpan.FromHours(16), refused.Headers.RetryAfter!.Delta);
        var front = await world.PostAsync(
            Embeddings, """{"model":"builtin/a","input":"other words"}""", acme);
        Assert.Equal((HttpStatusCode.TooManyRequests, null), (front.Status, front.Headers.RetryAfter));
        var error = front.Root.GetProperty("error");
        Assert.Equal(
            ("insufficient_quota", "insufficient_quota", "budget"),
            (error.GetProperty("type").GetString(), error.GetProperty("code").GetString(),
                error.GetProperty("param").GetString()));
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "other words", ("X-Taishang-Tenant", "b"))).Status);
        world.Clock.Advance(TimeSpan.FromHours(17));
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "other words", acme)).Status);
    }

    [Fact]
    public async Task What_a_cache_knows_costs_no_budget_and_a_call_that_fails_gives_all_back()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        await MakeAsync(world, """{"name":"few","unit":"calls","period":"month","limit":2}""");
        world.Faults["a"] = () => new ApiException(ErrorCodes.ModelUpstreamFailed);
        for (var i = 0; i < 3; i++) Assert.Equal(90012, (await EmbedAsync(world, "hello")).Code);
        world.Faults.Clear();
        for (var i = 0; i < 4; i++) Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "hello")).Status);
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "second")).Status);
        Assert.Equal(20030, (await EmbedAsync(world, "third")).Code);
        var budget = (await world.Api.GetAsync($"{Budgets}/few")).Data;
        Assert.Equal((2, 1), (Number(budget, "used"), Number(budget, "refused")));
    }

    [Fact]
    public async Task A_route_passes_over_a_target_whose_models_budget_is_used_up()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("dear", """{"price":{"currency":"USD","per_call":1}}""");
        await world.RegisterAsync("free");
        await world.RouteAsync("main", """{"model":"dear"}""", ""","fallbacks":[{"model":"free"}]""");
        await MakeAsync(world, """
            {"name":"dear","model":"builtin/dear","unit":"money","currency":"USD","period":"month","limit":2.5}
            """);
        for (var i = 0; i < 2; i++)
            Assert.Equal("builtin/dear", ServedBy(await world.EmbedAsync("main", $"text {i}")));
        for (var i = 0; i < 2; i++)
            Assert.Equal("builtin/free", ServedBy(await world.EmbedAsync("main", $"more {i}")));
        await MakeAsync(world, """{"name":"free","model":"builtin/free","unit":"calls","period":"month","limit":2}""");
        for (var i = 0; i < 2; i++) Assert.Equal("builtin/free", ServedBy(await world.EmbedAsync("main", $"last {i}")));
        var refused = await world.EmbedAsync("main", "too much");
        Assert.Equal((HttpStatusCode.TooManyRequests, 20030), (refused.Status, refused.Code));
        Assert.Equal(2, Number((await world.Api.GetAsync($"{Budgets}/dear")).Data, "used"));
    }

    [Fact]
    public async Task A_budget_of_money_counts_its_currency_and_refuses_others_where_it_says_so()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterOneAsync("euro", """{"price":{"currency":"EUR","input_per_1k":1000}}""");
        await world.RegisterAsync("plain");
        await MakeAsync(world, """
            {"name":"dollars","unit":"money","currency":"USD","period":"day","limit":0.000000001}
            """);
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "abc", model: "euro")).Status);
        await MakeAsync(world, """
            {"name":"euros","tenant":"strict","unit":"money","currency":"EUR","period":"day","limit":10,
             "uncounted":"refuse"}
            """);
        var strict = ("X-Taishang-Tenant", "strict");
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "a€", strict, "euro")).Status);
        Assert.Equal(20035, (await EmbedAsync(world, "abc", strict, "plain")).Code);
        Assert.Equal(20030, (await EmbedAsync(world, "abcdef", strict, "euro")).Code);
        Assert.Equal(2, Number((await world.Api.GetAsync($"{Budgets}/euros")).Data, "used"));
    }

    [Fact]
    public async Task A_budget_is_changed_and_deleted_and_what_it_counts_stays()
    {
        await using var world = await GatewayWorld.StartAsync();
        await world.RegisterAsync("a");
        var id = await MakeAsync(
            world, """{"name":"few","tenant":"default","unit":"calls","period":"day","limit":1}""");
        await EmbedAsync(world, "first");
        Assert.Equal(20030, (await EmbedAsync(world, "second")).Code);
        var more = await world.Api.PutAsync(
            $"{Budgets}/{id}", """{"name":"more","tenant":"default","unit":"calls","period":"day","limit":2}""");
        Assert.Equal((1, 1), (Number(more.Data, "used"), Number(more.Data, "left")));
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "second")).Status);
        var other = await world.Api.PutAsync(
            $"{Budgets}/more", """{"name":"more","unit":"tokens","period":"day","limit":2}""");
        Assert.Equal(20036, other.Code);
        Assert.Equal(
            ["tenant", "unit"],
            other.Data.GetProperty("errors").EnumerateArray().Select(one => one.GetProperty("field").GetString()));
        Assert.Equal(0, (await world.Api.DeleteAsync($"{Budgets}/more")).Code);
        Assert.Equal(HttpStatusCode.OK, (await EmbedAsync(world, "third")).Status);
        Assert.Equal(20034, (await world.Api.DeleteAsync($"{Budgets}/more")).Code);
    }

    [Theory]
    [InlineData("name", """{"name":"","unit":"calls","period":"day","limit":1}""")]
    [InlineData("name", """{"name":"019aac8e-4d00-7a90-b1a2-77f0c35d9c01","unit":"calls","period":"day","limit":1}""")]
    [InlineData("tenant", """{"name":"a","tenant":"","unit":"calls","period":"day","limit":1}""")]
    [InlineData("model", """{"name":"a","model":"plain","unit":"calls","period":"day","limit":1}""")]
    [InlineData("model", """{"name":"a","model":"builtin/a@1.0.0","unit":"calls","period":"day","limit":1}""")]
    [InlineData("route", """{"name":"a","route":"9 9","unit":"calls","period":"day","limit":1}""")]
    [InlineData("unit", """{"name":"a","unit":"seconds","period":"day","limit":1}""")]
    [InlineData("period", """{"name":"a","unit":"calls","period":"week","limit":1}""")]
    [InlineData("limit", """{"name":"a","unit":"calls","period":"day","limit":1.5}""")]
    [InlineData("limit", """{"name":"a","unit":"tokens","period":"day","limit":1e19}""")]
    [InlineData("limit", """{"name":"a","unit":"money","currency":"USD","period":"day","limit":0.0000000001}""")]
    [InlineData("currency", """{"name":"a","unit":"money","period":"day","limit":1}""")]
    [InlineData("currency", """{"name":"a","unit":"calls","currency":"USD","period":"day","limit":1}""")]
    [InlineData("mode", """{"name":"a","unit":"calls","period":"day","limit":1,"mode":"watch"}""")]
    [InlineData("uncounted", """{"name":"a","unit":"calls","period":"day","limit":1,"uncounted":"refuse"}""")]
    [InlineData("thresholds", """{"name":"a","unit":"calls","period":"day","limit":1,"thresholds":[80,50]}""")]
    [InlineData("thresholds", """{"name":"a","unit":"calls","period":"day","limit":1,"thresholds":[0]}""")]
    public void A_budget_that_says_something_wrong_is_refused_by_the_name_of_its_field(string field, string json)
    {
        var body = JsonBody.Parse<BudgetRequest>(Encoding.UTF8.GetBytes(json));
        var refused = Assert.Throws<ApiException>(() => BudgetRules.Check(body));
        Assert.Equal((ErrorCodes.BudgetInvalid, field), (refused.Code, refused.Errors[0].Field));
    }

    private static async Task<string> MakeAsync(GatewayWorld world, string json)
    {
        var made = await world.Api.PostAsync(Budgets, json);
        Assert.True(made.Status == HttpStatusCode.Created, made.ToString());
        return made.String("id");
    }

    private static Task<Testing.Hosts.ApiAnswer> EmbedAsync(
        GatewayWorld world, string text, (string Name, string Value)? header = null, string model = "a") =>
        world.PostAsync(
            "/api/taishang/vectors/embed", JsonSerializer.Serialize(new { model, text }),
            header is { } one ? [one] : []);

    private static string ServedBy(Testing.Hosts.ApiAnswer answer) =>
        answer.Data.GetProperty("served").GetProperty("model").GetString()!;

    private static decimal Number(JsonElement budget, string name) =>
        budget.GetProperty("state").GetProperty(name).GetDecimal();
}
