using System.Net;
using System.Text.Json;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Collections;

public sealed class AliasTests
{
    private const string Root = "/api/taishang/collection_aliases";
    private const string Collections = "/api/taishang/vector_collections";
    private const string Vectors = "/api/taishang/vectors";

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_alias_is_set_moved_listed_described_and_removed(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var one = await world.CreateAsync("one");
        var two = await world.CreateAsync("two");

        var set = await SwitchAsync(world, """{"alias":"live","collection":"one"},{"alias":"b","collection":"one"}""");
        Assert.True(set.Code == 0, set.ToString());
        Assert.Equal(
            [("live", one, "one"), ("b", one, "one")],
            set["aliases"].EnumerateArray().Select(Fields));
        Assert.Equal(["b", "live"], Aliases(await world.Api.GetAsync($"{Collections}/live")));
        Assert.Equal(one, (await world.Api.GetAsync($"{Collections}/live")).String("id"));

        var moved = await SwitchAsync(
            world, $$"""{"alias":"live","collection":"{{two}}"},{"alias":"b","collection":null}""");
        Assert.Equal([("live", two, "two")], moved["aliases"].EnumerateArray().Select(Fields));
        var read = await world.Api.GetAsync($"{Root}/live");
        Assert.Equal(("live", two, "two"), Fields(read.Data));
        Assert.Equal(
            set["aliases"][0].GetProperty("created_at").GetRawText(), read["created_at"].GetRawText());
        Assert.Empty(Aliases(await world.Api.GetAsync($"{Collections}/one")));
        Assert.Equal((HttpStatusCode.NotFound, 30010), Status(await world.Api.GetAsync($"{Root}/b")));

        await SwitchAsync(world, """{"alias":"c","collection":"one"}""");
        var list = await world.Api.GetAsync($"{Root}?sort=alias");
        Assert.Equal(2, list["total"].GetInt64());
        Assert.Equal(["c", "live"], list["aliases"].EnumerateArray().Select(alias => Fields(alias).Item1));
        var ofTwo = await world.Api.GetAsync($"{Root}?collection=live");
        Assert.Equal([("live", two, "two")], ofTwo["aliases"].EnumerateArray().Select(Fields));
        Assert.Equal(1, ofTwo["total"].GetInt64());
        var collections = await world.Api.GetAsync($"{Collections}?sort=name");
        Assert.Equal(
            ["""["c"]""", """["live"]"""],
            collections["collections"].EnumerateArray().Select(row => row.GetProperty("aliases").GetRawText()));

        Assert.Equal(0, (await world.Api.DeleteAsync($"{Root}/live")).Code);
        Assert.Equal((HttpStatusCode.NotFound, 30010), Status(await world.Api.DeleteAsync($"{Root}/live")));
        Assert.Equal((HttpStatusCode.NotFound, 30001), Status(await world.Api.GetAsync($"{Collections}/live")));
        Assert.Equal(HttpStatusCode.OK, (await world.Api.GetAsync($"{Collections}/two")).Status);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Rows_are_written_searched_read_counted_and_deleted_through_an_alias(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("one");
        await SwitchAsync(world, """{"alias":"live","collection":"one"}""");

        await world.UpsertAsync("live", """[{"id":1,"vector":[1,2]},{"id":2,"vector":[3,4]}]""");

        var found = await world.Api.PostAsync($"{Vectors}/search", """{"collection":"live","vector":[1,2]}""");
        Assert.Equal(2, found["total"].GetInt32());
        var rows = await world.Api.PostAsync($"{Vectors}/get", """{"collection":"live","ids":[1]}""");
        Assert.Equal(1, rows["vectors"].GetArrayLength());
        Assert.Equal(2, (await world.Api.GetAsync($"{Vectors}/count?collection=one"))["count"].GetInt64());
        var gone = await world.Api.PostAsync($"{Vectors}/delete", """{"collection":"live","ids":[1,2]}""");
        Assert.Equal(2, gone["count"].GetInt32());
        Assert.Equal(0, (await world.Api.GetAsync($"{Vectors}/count?collection=live"))["count"].GetInt64());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Names_and_aliases_share_one_namespace(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        await world.CreateAsync("one");
        await world.CreateAsync("two");
        await SwitchAsync(world, """{"alias":"live","collection":"one"}""");

        var taken = await SwitchAsync(
            world, """{"alias":"new","collection":"one"},{"alias":"two","collection":"one"}""");
        Assert.Equal((HttpStatusCode.Conflict, 30002), Status(taken));
        Assert.Equal("aliases[1].alias", taken["errors"][0].GetProperty("field").GetString());
        // All or nothing: the good half was not written either.
        Assert.Equal(30010, (await world.Api.GetAsync($"{Root}/new")).Code);

        var created = await world.Api.PostAsync(Collections, """{"name":"live","dims":2,"index_type":"FLAT"}""");
        Assert.Equal((HttpStatusCode.Conflict, 30002), Status(created));
        var renamed = await world.Api.PutAsync($"{Collections}/two", """{"name":"live"}""");
        Assert.Equal((HttpStatusCode.Conflict, 30002), Status(renamed));
        Assert.Equal(2, world.Worker.Collections.Count);

        // A name that is given up is free for an alias, and the other way round.
        Assert.Equal(0, (await world.Api.PutAsync($"{Collections}/two", """{"name":"three"}""")).Code);
        Assert.Equal(0, (await SwitchAsync(world, """{"alias":"two","collection":"three"}""")).Code);
        Assert.Equal(0, (await world.Api.DeleteAsync($"{Root}/live")).Code);
        await world.CreateAsync("live");
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task One_name_wanted_by_a_collection_and_an_alias_at_once_leads_to_one(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var one = await world.CreateAsync("one");
        for (var round = 0; round < 5; round++)
        {
            var name = $"wanted_{round}";
            var alias = SwitchAsync(world, $$"""{"alias":"{{name}}","collection":"one"}""");
            var collection = world.Api.PostAsync(
                Collections, $$"""{"name":"{{name}}","dims":2,"index_type":"FLAT"}""");

            var answers = await Task.WhenAll(alias, collection);

            Assert.Equal([0, 30002], answers.Select(answer => answer.Code).Order());
            var wanted = (await world.Api.GetAsync($"{Collections}/{name}")).String("id");
            Assert.Equal((await alias).Code == 0, wanted == one);
        }
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_collection_with_an_alias_is_deleted_only_when_asked_to(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        var one = await world.CreateAsync("one");
        await SwitchAsync(world, """{"alias":"live","collection":"one"},{"alias":"old","collection":"one"}""");

        foreach (var reference in (string[])["one", one, "live"])
        {
            var refused = await world.Api.DeleteAsync($"{Collections}/{reference}?drop_aliases=false");
            Assert.Equal((HttpStatusCode.Conflict, 30009), Status(refused));
            Assert.Contains("live", refused.Message);
        }

        Assert.Equal([one], world.Worker.Collections);
        Assert.Equal(10003, (await world.Api.DeleteAsync($"{Collections}/one?force=true")).Code);
        Assert.Equal(10001, (await world.Api.DeleteAsync($"{Collections}/one?drop_aliases=yes")).Code);
        Assert.Equal(0, (await world.Api.DeleteAsync($"{Collections}/live?drop_aliases=true")).Code);

        Assert.Empty(world.Worker.Collections);
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
        await world.CreateAsync("live");
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task An_alias_set_while_its_collection_is_deleted_leads_somewhere_or_nowhere(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect);
        for (var round = 0; round < 5; round++)
        {
            await world.CreateAsync($"c{round}");
            var set = SwitchAsync(world, $$"""{"alias":"a{{round}}","collection":"c{{round}}"}""");
            var delete = world.Api.DeleteAsync($"{Collections}/c{round}");
            await Task.WhenAll(set, delete);

            var (setCode, deleteCode) = ((await set).Code, (await delete).Code);
            Assert.True((setCode, deleteCode) is (0, 30009) or (30001, 0), $"{setCode} {deleteCode}");
            Assert.Equal(setCode, (await world.Api.GetAsync($"{Collections}/a{round}")).Code);
        }
    }

    [Theory]
    [InlineData("""{"aliases":[]}""", 400, 10001, "aliases")]
    [InlineData("""{"aliases":[null]}""", 400, 10004, "aliases[0]")]
    [InlineData("""{"aliases":[{"alias":"a"}]}""", 400, 10005, "aliases[0].collection")]
    [InlineData("""{"aliases":[{"alias":"1","collection":"one"}]}""", 400, 30003, "aliases[0].alias")]
    [InlineData("""{"aliases":[{"alias":"a","collection":""}]}""", 400, 10001, "aliases[0].collection")]
    [InlineData("""{"aliases":[{"alias":"a","collection":"nowhere"}]}""", 404, 30001, "aliases[0].collection")]
    [InlineData("""{"aliases":[{"alias":"a","collection":null}]}""", 404, 30010, "aliases[0].alias")]
    [InlineData(
        """{"aliases":[{"alias":"a","collection":"one"},{"alias":"a","collection":null}]}""", 400, 10001,
        "aliases[1].alias")]
    public async Task A_bad_switch_names_its_field_and_writes_nothing(string body, int status, int code, string field)
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("one");

        var answer = await world.Api.PostAsync(Root, body);

        Assert.True((status, code) == ((int)answer.Status, answer.Code), answer.ToString());
        Assert.Equal(field, answer["errors"][0].GetProperty("field").GetString());
        Assert.Equal(0, (await world.Api.GetAsync(Root))["total"].GetInt64());
    }

    [Fact]
    public async Task A_call_and_a_collection_have_a_most_of_aliases()
    {
        await using var world = await VectorWorld.StartAsync();
        await world.CreateAsync("one");
        string Many(char prefix, int count) => string.Join(
            ',', Enumerable.Range(0, count).Select(i => $$"""{"alias":"{{prefix}}{{i}}","collection":"one"}"""));

        Assert.Equal(10001, (await SwitchAsync(world, Many('a', Alias.ChangesMax + 1))).Code);
        Assert.Equal(0, (await SwitchAsync(world, Many('a', Alias.OfCollectionMax))).Code);
        Assert.Equal(10001, (await SwitchAsync(world, Many('b', 1))).Code);
        Assert.Equal(Alias.OfCollectionMax, (await world.Api.GetAsync(Root))["total"].GetInt64());
    }

    internal static Task<ApiAnswer> SwitchAsync(VectorWorld world, string changes) =>
        world.Api.PostAsync(Root, $$"""{"aliases":[{{changes}}]}""");

    private static (string, string, string) Fields(JsonElement alias) => (
        alias.GetProperty("alias").GetString()!, alias.GetProperty("collection_id").GetString()!,
        alias.GetProperty("collection").GetString()!);

    private static string[] Aliases(ApiAnswer answer) =>
        [.. answer["aliases"].EnumerateArray().Select(alias => alias.GetString()!)];

    private static (HttpStatusCode, int) Status(ApiAnswer answer) => (answer.Status, answer.Code);
}
