using Taishang.Core.Data;
using Taishang.Core.Models;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;
using static Taishang.Core.Tests.Models.ModelWorld;

namespace Taishang.Core.Tests.Models;

public sealed class ModelCardTests
{
    [Fact]
    public async Task Tags_and_card_are_replaced_whole_and_leave_each_other_alone()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        Assert.Equal("{}", (await host.ModelAsync(id)).GetProperty("tags").GetRawText());
        await host.Api.PutAsync($"{Root}/{id}/tags", """{"tags":{"team":"search","用":"x"}}""");
        Assert.Equal("{}", (await host.ModelAsync(id)).GetProperty("tags").GetRawText());
        await host.Api.PutAsync($"{Root}/{id}/tags", """{"tags":{"team":"搜索","a.b-c":"1:2"}}""");
        var card = """{"licence":"MIT","languages":["en","zh-Hans"],"links":[{"title":"a","url":"https://a.b/"}]}""";
        Assert.Equal(0, (await host.Api.PutAsync($"{Root}/{id}/card", card)).Code);
        await host.Api.PutAsync($"{Root}/{id}/tags", """{"tags":{"a.b-c":"1:2"}}""");
        var model = await host.ModelAsync(id);
        Assert.Equal("""{"a.b-c":"1:2"}""", model.GetProperty("tags").GetRawText());
        Assert.Equal(card, model.GetProperty("card").GetRawText());
        await host.Api.PutAsync($"{Root}/{id}/card", """{"limitations":"many"}""");
        Assert.Equal(
            """{"limitations":"many"}""", (await host.ModelAsync(id)).GetProperty("card").GetRawText());
        Assert.Equal(0, (await host.Api.DeleteAsync($"{Root}/{id}/card")).Code);
        Assert.False((await host.ModelAsync(id)).TryGetProperty("card", out _));
        Assert.Equal("active", (await host.ModelAsync(id)).Text("status"));
    }

    [Theory]
    [InlineData("card", "{}", 10005, "")]
    [InlineData("card", """{"licence":" "}""", 20003, "licence")]
    [InlineData("card", """{"languages":[]}""", 20003, "languages")]
    [InlineData("card", """{"languages":["english (US)"]}""", 20003, "languages[0]")]
    [InlineData("card", """{"links":[{"title":"a","url":"javascript:alert(1)"}]}""", 20003, "links[0].url")]
    [InlineData("card", """{"links":[null]}""", 10004, "links[0]")]
    [InlineData("card", """{"license":"MIT"}""", 10003, "license")]
    [InlineData("tags", """{"tags":{"team":null}}""", 10004, "tags.team")]
    [InlineData("tags", """{"tags":{"a\"b":"c"}}""", 20003, "tags")]
    [InlineData("evaluations", """{"metrics":{}}""", 20003, "metrics")]
    [InlineData("evaluations", """{"metrics":{"a b":1}}""", 20003, "metrics")]
    [InlineData("evaluations", """{"metrics":{"a":1},"version":"?"}""", 20003, "version")]
    public async Task What_breaks_a_rule_is_refused_with_its_field(string part, string body, int code, string field)
    {
        await using var host = await CoreHost.StartAsync();
        var path = $"{Root}/{await host.RegisterAsync()}/{part}";
        var answer = part == "evaluations" ? await host.Api.PostAsync(path, body) : await host.Api.PutAsync(path, body);
        Assert.Equal(code, answer.Code);
        Assert.Equal(field, answer["errors"][0].Text("field"));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_list_is_narrowed_by_a_tag_and_its_value(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        foreach (var (name, tags) in ((string, string)[])
            [("a", """{"team":"search","a.b":"1:2"}"""), ("b", """{"team":"search:x"}"""), ("c", "{}")])
        {
            var model = await ModelStoreTests.AddAsync(world, store, name, "onnx");
            await store.SetTagsAsync(model.Id, tags, CancellationToken.None);
        }

        async Task<string> Find(string tag)
        {
            var filters = new Dictionary<string, string> { ["tag"] = tag };
            var query = new Core.Api.ListQuery(1, 20, new("name", false), filters);
            var (rows, total) = await store.ListAsync(query, CancellationToken.None);
            Assert.Equal(total, rows.Count);
            return string.Concat(rows.Select(row => row.Name));
        }

        Assert.Equal(("ab", "a", "b", "a", "a", "", ""),
            (await Find("team"), await Find("team:search"), await Find("team:search:x"), await Find("a.b"),
             await Find("a.b:1:2"), await Find("team:"), await Find("other")));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_tells_what_it_measured_once_at_the_newest_version_of_the_major(Dialect dialect)
    {
        await using var world = await DatabaseWorld.CreateFrozenAsync(dialect);
        var store = new ModelStore(world.Database, world.Time);
        var evaluations = new ModelEvaluationStore(world.Database, store, world.Time);
        var model = await ModelStoreTests.AddAsync(world, store, "a", "onnx");
        var version = new ModelVersion
        {
            Id = RowId.New(world.Time.GetUtcNow(), 1),
            ModelId = model.Id,
            Version = "1.2.0",
            Major = 1,
        };
        await store.AddVersionAsync(model, version, null, CancellationToken.None);
        var (task, collection) = (RowId.New(world.Time.GetUtcNow()), RowId.New(world.Time.GetUtcNow()));
        foreach (var ndcg in (double[])[0.5, 0.6])
            await evaluations.AddOfTaskAsync(
                task, collection, model.Id, 1, new Dictionary<string, double> { ["ndcg"] = ndcg },
                CancellationToken.None);
        // A major without versions has nothing to attach to.
        await evaluations.AddOfTaskAsync(
            collection, collection, model.Id, 7, new Dictionary<string, double>(), CancellationToken.None);

        var query = new Core.Api.ListQuery(1, 20, null, new Dictionary<string, string> { ["source"] = "task" });
        var (rows, total) = await evaluations.ListAsync(model.Id, query, CancellationToken.None);
        var row = Assert.Single(rows);
        Assert.Equal((1, "1.2.0", task, collection, """{"ndcg":0.5}"""),
            (total, row.Version, row.TaskId, row.CollectionId, row.Metrics));
        await store.DeleteAsync(model.Id, CancellationToken.None);
        Assert.Empty((await evaluations.ListAsync(model.Id, query, CancellationToken.None)).Rows);
    }

    [Fact]
    public async Task What_was_measured_by_hand_is_kept_at_the_version_that_an_alias_leads_to()
    {
        await using var host = await CoreHost.StartAsync();
        var id = await host.RegisterAsync();
        await host.Api.PutAsync($"{Root}/{id}/aliases/champion", """{"version":"1.0.0"}""");
        await host.Api.PutAsync($"{Root}/{id}", """{"version":"1.1.0"}""");
        const string Body =
            """{"version":"champion","metrics":{"ndcg@10":0.4,"mrr":-1e-3},"dataset":"自测","notes":"n"}""";
        var first = await host.Api.PostAsync($"{Root}/{id}/evaluations", Body, "once");
        Assert.Equal(first.Text, (await host.Api.PostAsync($"{Root}/{id}/evaluations", Body, "once")).Text);
        await host.Api.PostAsync($"{Root}/{id}/evaluations", """{"metrics":{"ndcg":1}}""");
        Assert.Equal(("1.0.0", "hand", "自测", "0.4"),
            (first.String("version"), first.String("source"), first.String("dataset"),
             first["metrics"].GetProperty("ndcg@10").GetRawText()));
        var page = await host.Api.GetAsync($"{Root}/{id}/evaluations?page_size=1&sort=created_at");
        Assert.Equal((2, 1), (page["total"].GetInt32(), page["evaluations"].GetArrayLength()));
        Assert.Equal(1, (await host.Api.GetAsync($"{Root}/{id}/evaluations?version=1.1.0"))["total"].GetInt32());
    }
}
