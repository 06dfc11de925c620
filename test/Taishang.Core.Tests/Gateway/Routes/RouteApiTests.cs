using System.Net;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;
using static Taishang.Core.Tests.Gateway.GatewayWorld;

namespace Taishang.Core.Tests.Gateway.Routes;

public sealed class RouteApiTests
{
    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_route_is_made_read_listed_changed_and_deleted(Core.Data.Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var model = await world.RegisterModelAsync();
        const string Body = """
            {"name":"main","description":"hers","strategy":"least_busy","targets":[{"model":"test-embed","weight":2,
             "when":{"languages":["zh"],"length_max":100}}],"shadow":{"model":"test-embed@1.0.0","share":0.5}}
            """;
        var made = await world.Api.PostAsync(Root, Body);
        Assert.Equal(HttpStatusCode.Created, made.Status);
        Assert.Equal((HttpStatusCode.Conflict, 20021), Both(await world.Api.PostAsync(Root, Body)));
        var read = await world.Api.GetAsync($"{Root}/{made.String("id")}");
        Assert.Equal(("main", "least_busy", 2, 3), (read.String("name"), read.String("strategy"),
            read["targets"][0].GetProperty("weight").GetInt32(), read["attempts_max"].GetInt32()));
        Assert.Equal("ready", read["health"][0].GetProperty("state").GetString());
        Assert.Equal(1, (await world.Api.GetAsync($"{Root}?strategy=least_busy&sort=name"))["total"].GetInt32());
        Assert.Equal(0, (await world.Api.GetAsync($"{Root}?strategy=weighted"))["total"].GetInt32());

        var changed = await world.Api.PutAsync(
            $"{Root}/main", """{"name":"second","targets":[{"model":"builtin/test-embed"}]}""");
        Assert.Equal(("second", "weighted"), (changed.String("name"), changed.String("strategy")));
        Assert.Equal((HttpStatusCode.NotFound, 20020), Both(await world.Api.GetAsync($"{Root}/main")));

        var usage = await world.Api.GetAsync($"/api/taishang/models/{model}/usage");
        Assert.Equal("second", usage["routes.items"][0].GetProperty("name").GetString());
        var refused = await world.Api.DeleteAsync($"/api/taishang/models/{model}");
        Assert.Equal((HttpStatusCode.Conflict, 20008), Both(refused));
        Assert.Equal("routes", refused["errors"][0].GetProperty("field").GetString());
        Assert.Equal(0, (await world.Api.DeleteAsync($"{Root}/second")).Code);
        Assert.Equal((HttpStatusCode.NotFound, 20020), Both(await world.Api.DeleteAsync($"{Root}/second")));
        Assert.Equal(0, (await world.Api.DeleteAsync($"/api/taishang/models/{model}")).Code);
    }

    [Theory]
    [InlineData("""{"name":"1","targets":[{"model":"a"}]}""", 20022, "name: ")]
    [InlineData("""{"name":"x","targets":[]}""", 20022, "targets: expected 1 to 32")]
    [InlineData("""{"name":"x","targets":[{"model":"a"},{"model":"a"}]}""", 20022, "targets[1].model: 'a' is there")]
    [InlineData("""{"name":"x","targets":[{"model":"a","weight":-1}]}""", 20022, "targets[0].weight: expected 0")]
    [InlineData("""{"name":"x","targets":[{"model":"a","weight":0}]}""", 20022, "targets: expected at least one")]
    [InlineData("""{"name":"x","strategy":"best","targets":[{"model":"a"}]}""", 20022, "strategy: expected one of")]
    [InlineData("""{"name":"x","targets":[{"model":"a","when":{"length_min":5,"length_max":4}}]}""", 20022,
        "targets[0].when.length_max: expected 5")]
    [InlineData("""{"name":"x","targets":[{"model":"a"}],"shadow":{"model":"a","share":2}}""", 20022, "shadow.share: ")]
    [InlineData("""{"name":"x","targets":[{"model":"a"}],"cooldown":{"errors":0}}""", 20022, "cooldown.errors: ")]
    [InlineData("""{"name":"x","targets":[{"model":"a"}],"colour":1}""", 10003, "colour: ")]
    [InlineData("""{"name":"x","targets":[{"model":"nobody"}]}""", 20001, "targets[0].model: no model 'nobody'")]
    [InlineData("""{"name":"x","targets":[{"model":"a@9.9.9"}]}""", 20007, "targets[0].model: ")]
    [InlineData("""{"name":"x","targets":[{"model":"a@champion"}]}""", 20012, "targets[0].model: ")]
    [InlineData("""{"name":"x","targets":[{"model":"a"},{"model":"talk"}]}""", 20010, "targets[1].model: builtin/talk")]
    [InlineData("""{"name":"x","targets":[{"model":"a"}],"fallbacks":[{"model":"wide"}]}""", 20010,
        "fallbacks[0].model: builtin/wide gives 8 dimensions")]
    public async Task A_bad_route_names_the_field(string body, int code, string message)
    {
        await using var world = await StartAsync();
        await world.RegisterAsync("a", "talk", "wide");
        var answer = await world.Api.PostAsync(Root, body);
        Assert.Equal(code, answer.Code);
        Assert.StartsWith(message, answer.Message, StringComparison.Ordinal);
    }

    private static (HttpStatusCode, int) Both(Testing.Hosts.ApiAnswer answer) => (answer.Status, answer.Code);
}
