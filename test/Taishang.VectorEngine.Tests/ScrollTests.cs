using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests;

/// <summary>Scrolls see what was there when they began, whatever happens meanwhile.</summary>
public sealed class ScrollTests
{
    private const int Dimensions = 6;

    [Theory]
    [InlineData(71, null)]
    [InlineData(72, 50)]
    [InlineData(73, 3)]
    public async Task Pages_are_the_rows_of_the_beginning_while_writes_and_compactions_go_on(int seed, int? below)
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 200 };
        var collection = await CreateAsync(folder);
        var random = new Random(seed);
        var model = new Dictionary<string, (float[] Vector, int Number)>();
        await WriteAsync(collection, model, random, 40);
        for (var scroll = 0; scroll < 3; scroll++)
        {
            var expected = model.Where(row => below is null || row.Value.Number < below)
                .ToDictionary(row => row.Key, row => row.Value);
            var request = new ScrollRequest(1 + random.Next(40))
            {
                Filter = below is null ? null : Rows.Filter($"{{\"n\":{{\"$lt\":{below}}}}}"),
                IncludeMetadata = true,
                IncludeVector = true,
            };
            var seen = new HashSet<string>();
            var page = collection.Scroll(request);
            while (true)
            {
                Assert.Equal(expected.Count, page.Total);
                foreach (var row in page.Rows)
                {
                    Assert.True(seen.Add(row.Id.Text), $"{row.Id.Text} twice");
                    Assert.True(row.Vector.Span.SequenceEqual(expected[row.Id.Text].Vector));
                    Assert.Equal($"{{\"n\":{expected[row.Id.Text].Number}}}", Text(row.MetadataJson));
                }

                if (page.NextCursor is null)
                    break;

                await WriteAsync(collection, model, random, 3);
                if (random.Next(4) == 0)
                    await collection.BuildIndexAsync(null, CancellationToken.None);
                var next = request with { Cursor = page.NextCursor, Filter = null };
                page = collection.Scroll(next);
                Assert.Equal(page.Rows.Select(row => row.Id), collection.Scroll(next).Rows.Select(row => row.Id));
            }

            Assert.Equal(expected.Count, seen.Count);
        }
    }

    [Fact]
    public async Task Rows_come_in_the_order_of_their_writing_with_what_was_asked_for()
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(74, 30, Dimensions), i => $"{{\"n\":{i}}}"));
        await collection.UpsertAsync([Rows.Row("r000004", new float[Dimensions])], CancellationToken.None);

        var page = collection.Scroll(new ScrollRequest(100));

        Assert.Null(page.NextCursor);
        Assert.Equal(
            [.. Enumerable.Range(0, 30).Where(i => i != 4).Select(i => $"r{i:D6}"), "r000004"],
            page.Rows.Select(row => row.Id.Text));
        Assert.All(page.Rows, row => Assert.True(row.Vector.IsEmpty && row.MetadataJson.IsEmpty));
        var small = collection.Scroll(new ScrollRequest(100) { IncludeVector = true, BytesMax = 2 * Dimensions * 4 });
        Assert.Equal(2, small.Rows.Count);
        Assert.NotNull(small.NextCursor);
    }

    [Fact]
    public async Task A_row_whose_time_comes_is_left_out_at_once()
    {
        var clock = new FakeTimeProvider();
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { Time = clock };
        var collection = await CreateAsync(folder);
        var rows = Rows.Numbered(Rows.Vectors(75, 10, Dimensions));
        rows[7] = rows[7] with { ExpiresAt = clock.GetUtcNow().AddSeconds(30) };
        await collection.UpsertAllAsync(rows);
        var page = collection.Scroll(new ScrollRequest(5));

        clock.Advance(TimeSpan.FromSeconds(40));

        page = collection.Scroll(new ScrollRequest(5) { Cursor = page.NextCursor });
        Assert.Equal(["r000005", "r000006", "r000008", "r000009"], page.Rows.Select(row => row.Id.Text));
    }

    [Fact]
    public async Task A_scroll_that_waits_too_long_or_meets_too_many_others_says_that_it_expired()
    {
        var clock = new FakeTimeProvider();
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { Time = clock, ScrollsMax = 2, ScrollIdle = TimeSpan.FromMinutes(1) };
        var collection = await CreateAsync(folder);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(76, 10, Dimensions)));
        ScrollPage Begin() => collection.Scroll(new ScrollRequest(2));
        ScrollPage Next(ScrollPage page) => collection.Scroll(new ScrollRequest(2) { Cursor = page.NextCursor });

        var first = Begin();
        clock.Advance(TimeSpan.FromSeconds(59));
        Next(first);
        clock.Advance(TimeSpan.FromSeconds(59));
        var second = Begin();
        var third = Begin();
        Assert.Throws<ScrollExpiredException>(() => Next(first));
        Next(second);
        clock.Advance(TimeSpan.FromSeconds(60));
        Assert.Throws<ScrollExpiredException>(() => Next(second));
        var last = Begin();
        collection = await folder.ReopenAsync();
        Assert.Throws<ScrollExpiredException>(() => Next(last));
        Assert.NotNull(third.NextCursor);
    }

    [Fact]
    public async Task A_cursor_that_was_never_given_is_refused_by_name()
    {
        await using var folder = new EngineFolder();
        var collection = await CreateAsync(folder);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(77, 10, Dimensions)));
        var cursor = collection.Scroll(new ScrollRequest(2)).NextCursor!;
        ScrollRequest[] bad =
        [
            new(2) { Cursor = "x" },
            new(2) { Cursor = cursor.Replace("-0-", "-1-") },
            new(2) { Cursor = cursor + "-1" },
            new(2) { Cursor = cursor, Filter = Rows.Filter("{\"n\":1}") },
            new(0),
            new(Limits.ScrollRowsMax + 1),
        ];

        foreach (var request in bad)
        {
            Assert.Equal(
                VectorInputError.BadParameter,
                Assert.Throws<VectorInputException>(() => collection.Scroll(request)).Kind);
        }

        Assert.Empty(collection.Scroll(new ScrollRequest(2) { Cursor = cursor[..33] + "0-2000000000" }).Rows);
    }

    private static string Text(ReadOnlyMemory<byte> json) => Encoding.UTF8.GetString(json.Span);

    private static async Task WriteAsync(
        VectorCollection collection, Dictionary<string, (float[] Vector, int Number)> model, Random random, int calls)
    {
        for (var call = 0; call < calls; call++)
        {
            var rows = Enumerable.Range(0, 20).Select(_ =>
                (Id: $"id{random.Next(500)}", Vector: Rows.Vector(random, Dimensions), Number: random.Next(100)))
                .ToList();
            await collection.UpsertAsync(
                [.. rows.Select(row => Rows.Row(row.Id, row.Vector, $"{{\"n\":{row.Number}}}"))],
                CancellationToken.None);
            rows.ForEach(row => model[row.Id] = (row.Vector, row.Number));
            var gone = Enumerable.Range(0, 8).Select(_ => $"id{random.Next(500)}").ToList();
            await collection.DeleteAsync([.. gone.Select(id => new VectorId(id))], CancellationToken.None);
            gone.ForEach(id => model.Remove(id));
        }
    }

    private static Task<VectorCollection> CreateAsync(EngineFolder folder) =>
        folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions, Metric = DistanceMetric.L2 });
}
