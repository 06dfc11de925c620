using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Durability;

public sealed class LifeTests
{
    private static readonly VectorCollectionOptions Options = new() { Dimensions = 3, Metric = DistanceMetric.Cosine };

    [Fact]
    public async Task Expired_rows_leave_search_get_and_count_at_one_moment()
    {
        await using var folder = new EngineFolder();
        var clock = new FakeTimeProvider();
        folder.Engine = folder.Engine with { Time = clock };
        var collection = await folder.CreateAsync(Options with { TimeToLive = TimeSpan.FromMinutes(10) });
        await collection.UpsertAsync(
            [
                Rows.Row("short", [1, 0, 0]) with { ExpiresAt = clock.GetUtcNow().AddMinutes(1) },
                Rows.Row("default", [0, 1, 0]),
                Rows.Row("long", [0, 0, 1]) with { ExpiresAt = clock.GetUtcNow().AddDays(1) },
            ],
            CancellationToken.None);
        string[] all = ["short", "default", "long"];
        Check(collection, all);

        clock.Advance(TimeSpan.FromMinutes(1) - TimeSpan.FromTicks(1));
        Check(collection, all);
        clock.Advance(TimeSpan.FromTicks(1));
        Check(collection, ["default", "long"]);
        Assert.Equal(0, await collection.DeleteAsync([new VectorId("short")], CancellationToken.None));

        collection = await folder.ReopenAsync();
        Check(collection, ["default", "long"]);
        clock.Advance(TimeSpan.FromMinutes(9));
        Check(collection, ["long"]);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(0, collection.Describe().DeadRows);
        Check(await folder.ReopenAsync(), ["long"]);
    }

    [Fact]
    public async Task Writing_a_row_anew_replaces_its_expiry_too()
    {
        await using var folder = new EngineFolder();
        var clock = new FakeTimeProvider();
        folder.Engine = folder.Engine with { Time = clock };
        var collection = await folder.CreateAsync(Options);
        var expiring = Rows.Row("a", [1, 0, 0]) with { ExpiresAt = clock.GetUtcNow().AddMinutes(1) };
        await collection.UpsertAsync([expiring], CancellationToken.None);
        await collection.UpsertAsync([Rows.Row("a", [1, 1, 0])], CancellationToken.None);
        await collection.UpsertAsync([Rows.Row("b", [1, 0, 1])], CancellationToken.None);
        await collection.UpsertAsync([expiring with { Id = new VectorId("b") }], CancellationToken.None);

        clock.Advance(TimeSpan.FromMinutes(2));

        Check(collection, ["a"]);
        Check(await folder.ReopenAsync(), ["a"]);
    }

    [Fact]
    public async Task A_vector_comes_back_bit_for_bit_under_every_metric_and_after_a_restart()
    {
        foreach (var metric in Enum.GetValues<DistanceMetric>())
        {
            await using var folder = new EngineFolder();
            var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = 37, Metric = metric });
            var vectors = Rows.Vectors(3, 20, 37);
            await collection.UpsertAllAsync(Rows.Numbered(vectors, i => $"{{ \"n\" : {i} }}"));
            await collection.BuildIndexAsync(null, CancellationToken.None);
            for (var round = 0; round < 2; round++)
            {
                for (var i = 0; i < vectors.Length; i++)
                {
                    var row = Assert.Single(collection.Get([new VectorId($"r{i:D6}")]));
                    Assert.Equal(vectors[i], row.Vector.ToArray());
                    Assert.Equal($"{{ \"n\" : {i} }}", Encoding.UTF8.GetString(row.MetadataJson.Span));
                }

                collection = await folder.ReopenAsync();
            }
        }
    }

    [Fact]
    public async Task An_integer_and_its_text_name_one_row_and_the_form_written_last_comes_back()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        await collection.UpsertAsync(
            [new VectorRow(VectorId.FromInteger(7), new float[] { 1, 0, 0 })], CancellationToken.None);
        Assert.True(collection.Get([new VectorId("7")])[0].Id.IsInteger);
        await collection.UpsertAsync([Rows.Row("7", [0, 1, 0])], CancellationToken.None);
        Assert.False(collection.Search(new SearchRequest(new float[] { 0, 1, 0 }, 5)).Hits.Single().Id.IsInteger);
        Assert.False((await folder.ReopenAsync()).Get([VectorId.FromInteger(7)])[0].Id.IsInteger);
    }

    [Fact]
    public async Task Of_rows_with_one_id_in_a_call_the_last_wins()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);

        Assert.Equal(2, await collection.UpsertAsync(
            [Rows.Row("a", [1, 0, 0]), Rows.Row("b", [0, 1, 0]), Rows.Row("a", [0, 0, 1])], CancellationToken.None));

        Assert.Equal([0f, 0, 1], collection.Get([new VectorId("a")])[0].Vector.ToArray());
        Assert.Equal(2, collection.Count());
    }

    [Fact]
    public async Task Rows_are_got_in_the_order_asked_and_missing_ones_left_out()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        await collection.UpsertAsync([Rows.Row("a", [1, 0, 0]), Rows.Row("b", [0, 1, 0])], CancellationToken.None);

        Assert.Equal(["b", "a"], collection.Get([new("b"), new("c"), new("a")]).Select(row => row.Id.Text));
    }

    [Fact]
    public async Task Options_that_may_change_survive_a_restart()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        await collection.ReconfigureAsync(333, null, TimeSpan.FromHours(1), CancellationToken.None);

        var options = (await folder.ReopenAsync()).Describe().Options;

        Assert.Equal(333, options.Hnsw.EfSearch);
        Assert.Equal(TimeSpan.FromHours(1), options.TimeToLive);
        Assert.Equal(DistanceMetric.Cosine, options.Metric);
    }

    [Fact]
    public async Task A_folder_is_opened_once_and_made_once()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        await Assert.ThrowsAsync<IOException>(
            () => VectorCollection.OpenAsync(folder.Path, folder.Engine, CancellationToken.None));
        await collection.DisposeAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => VectorCollection.CreateAsync(folder.Path, Options, folder.Engine, CancellationToken.None));
        await Assert.ThrowsAsync<FileNotFoundException>(
            () => VectorCollection.OpenAsync(folder.Path + "-none", folder.Engine, CancellationToken.None));
        Assert.Throws<ObjectDisposedException>(() => collection.Count());
    }

    private static void Check(VectorCollection collection, string[] ids)
    {
        var found = collection.Search(new SearchRequest(new float[] { 1, 1, 1 }, 10)).Ids();
        Assert.Equal(ids.Order(), found.Order());
        Assert.Equal(ids.Length, collection.Count());
        Assert.Equal(ids.Length, collection.Count(Rows.Filter("{}")));
        Assert.Equal(ids.Order(), collection.Scroll(new ScrollRequest(10)).Rows.Select(row => row.Id.Text).Order());
        var matching = new SearchRequest(new float[] { 1, 1, 1 }, 10) { Filter = Rows.Filter("{}"), Exact = true };
        Assert.Equal(ids.Length, collection.Search(matching).Hits.Count);
        collection.SearchAll(
            [matching.Vector], matching, 1, (_, matches) => Assert.Equal(ids.Length, matches.Count), default);
        var got = collection.Get([new("short"), new("default"), new("long"), new("a"), new("b")]);
        Assert.Equal(ids, got.Select(row => row.Id.Text));
        Assert.Equal(ids.Length, collection.Describe().LiveRows);
    }
}
