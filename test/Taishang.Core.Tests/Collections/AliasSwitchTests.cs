using Microsoft.Extensions.Time.Testing;
using Taishang.Core.AiClient;
using Taishang.Core.Collections;
using Taishang.Core.Data;
using Taishang.Core.Tests.Vectors;
using Taishang.Testing.Databases;
using Taishang.Testing.Hosts;

namespace Taishang.Core.Tests.Collections;

/// <summary>Who sees a switch when, and that nobody sees half of one.</summary>
public sealed class AliasSwitchTests
{
    private const string Search = "/api/taishang/vectors/search";
    private const string Batch = """{"collection":"live","vectors":[[0,0],[1,1],[2,2]],"top_k":4}""";

    private static readonly Dictionary<string, string> LongMemory =
        new() { ["Collections:LookupMilliseconds"] = "60000" };

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Every_search_under_a_switch_answers_wholly_from_one_side_and_the_next_from_the_new(
        Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect, LongMemory);
        await FillAsync(world, "blue");
        await FillAsync(world, "green");
        await SetAsync(world, "blue");
        using var end = new CancellationTokenSource();
        var searches = Enumerable.Range(0, 3).Select(_ => SearchUntilAsync(world, end.Token)).ToArray();

        for (var round = 0; round < 20; round++)
        {
            var colour = round % 2 == 0 ? "green" : "blue";
            await SetAsync(world, colour);
            Assert.Equal(colour, ColourOf(await world.Api.PostAsync(Search, Batch)));
        }

        await end.CancelAsync();
        Assert.Equal(["blue", "green"], (await Task.WhenAll(searches)).SelectMany(seen => seen).Distinct().Order());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Aliases_moved_in_one_call_move_together(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect, LongMemory);
        await world.CreateAsync("blue");
        var green = await world.CreateAsync("green");
        await AliasTests.SwitchAsync(world, """{"alias":"a","collection":"blue"},{"alias":"b","collection":"blue"}""");
        var lookup = world.Get<CollectionLookup>();
        async Task<string[]> LookAsync() =>
        [
            (await lookup.GetAsync("a", CancellationToken.None)).Id,
            (await lookup.GetAsync("b", CancellationToken.None)).Id,
        ];
        await LookAsync();

        // Between the commit and the answer: whoever sees one alias moved sees the other moved too.
        var between = await lookup.SwitchAsync(async () =>
        {
            await world.Get<AliasStore>().ApplyAsync(
                [new AliasChange("a", green), new AliasChange("b", green)], world.Get<CollectionLife>().Now(),
                CancellationToken.None);
            return await LookAsync();
        });

        Assert.Equal([green, green], between);
        Assert.Equal([green, green], await LookAsync());
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Another_process_sees_a_switch_when_its_moment_is_over(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect, LongMemory);
        await FillAsync(world, "blue");
        await FillAsync(world, "green");
        await SetAsync(world, "blue");
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        await using var other = await world.StartAnotherAsync(time: clock);
        Assert.Equal("blue", ColourOf(await other.Api.PostAsync(Search, Batch)));
        await SetAsync(world, "green");

        clock.Advance(TimeSpan.FromMilliseconds(1_999));
        Assert.Equal("blue", ColourOf(await other.Api.PostAsync(Search, Batch)));
        clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("green", ColourOf(await other.Api.PostAsync(Search, Batch)));
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task Another_process_follows_at_once_when_the_old_collection_is_gone(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(dialect, LongMemory);
        await FillAsync(world, "blue");
        await FillAsync(world, "green");
        await SetAsync(world, "blue");
        await using var other = await world.StartAnotherAsync(LongMemory);
        const string Get = """{"collection":"live","ids":["blue-0","green-0"]}""";
        Assert.Equal("blue", ColourOf(await other.Api.PostAsync(Search, Batch)));
        await SetAsync(world, "green");
        Assert.Equal(0, (await world.Api.DeleteAsync("/api/taishang/vector_collections/blue")).Code);

        var read = await other.Api.PostAsync("/api/taishang/vectors/get", Get);
        Assert.Equal("green-0", read["vectors"][0].GetProperty("id").GetString());
        Assert.Equal("green", ColourOf(await other.Api.PostAsync(Search, Batch)));
        await world.Api.DeleteAsync("/api/taishang/vector_collections/green?drop_aliases=true");
        Assert.Equal(30001, (await other.Api.PostAsync(Search, Batch)).Code);
    }

    [Theory, ClassData(typeof(EveryDatabase))]
    public async Task A_task_stays_with_the_collection_that_its_alias_named_first(Dialect dialect)
    {
        await using var world = await VectorWorld.StartAsync(
            dialect, new Dictionary<string, string> { ["Vectors:EmbedBatchTexts"] = "1" });
        await world.RegisterModelAsync();
        foreach (var name in (string[])["blue", "green"])
            await world.CreateAsync(
                name, FakeWorker.EmbeddingDims, metric: "cosine", more: ""","model":"test-embed" """);
        await SetAsync(world, "blue");
        const string payload = """{"collection":"live","rows":[{"id":1,"text":"a"},{"id":2,"text":"b"}]}""";
        var context = new FakeTaskContext();
        // The attempt ends before its first batch is noted: its rows may be written or not.
        world.Worker.Ai.On(AiCalls.ComputeEmbedding, _ => throw new InvalidOperationException("crash"));
        await Assert.ThrowsAsync<InvalidOperationException>(() => world.RunAsync("embedding", payload, context));
        world.Worker.Serve();
        await SetAsync(world, "green");

        await world.RunAsync("embedding", payload, context);

        Assert.Equal(2, await CountAsync(world, "blue"));
        Assert.Equal(0, await CountAsync(world, "green"));
        await world.RunAsync("index", """{"collection":"live"}""");
        var evaluated = await world.RunAsync("evaluation", """{"collection":"live","queries":[{"text":"a"}]}""");
        Assert.Equal(
            (await world.Api.GetAsync("/api/taishang/vector_collections/green")).String("id"),
            evaluated.GetProperty("collection").GetString());
    }

    private static async Task FillAsync(VectorWorld world, string colour)
    {
        await world.CreateAsync(colour);
        var rows = Enumerable.Range(0, 4).Select(i => $$"""{"id":"{{colour}}-{{i}}","vector":[{{i}},{{i}}]}""");
        await world.UpsertAsync(colour, $"[{string.Join(',', rows)}]");
    }

    private static async Task SetAsync(VectorWorld world, string colour)
    {
        var answer = await AliasTests.SwitchAsync(world, $$"""{"alias":"live","collection":"{{colour}}"}""");
        Assert.True(answer.Code == 0, answer.ToString());
    }

    private static async Task<HashSet<string>> SearchUntilAsync(VectorWorld world, CancellationToken end)
    {
        var seen = new HashSet<string>();
        while (!end.IsCancellationRequested) seen.Add(ColourOf(await world.Api.PostAsync(Search, Batch)));
        return seen;
    }

    /// <summary>Of every hit of every query; fails when they are not of one.</summary>
    private static string ColourOf(ApiAnswer answer)
    {
        Assert.True(answer.Code == 0, answer.ToString());
        var hits = answer["batches"].EnumerateArray()
            .SelectMany(batch => batch.GetProperty("results").EnumerateArray())
            .Select(hit => hit.GetProperty("id").GetString()!).ToArray();
        Assert.Equal(12, hits.Length);
        return Assert.Single(hits.Select(id => id.Split('-')[0]).Distinct());
    }

    private static async Task<long> CountAsync(VectorWorld world, string collection) =>
        (await world.Api.GetAsync($"/api/taishang/vectors/count?collection={collection}"))["count"].GetInt64();
}
