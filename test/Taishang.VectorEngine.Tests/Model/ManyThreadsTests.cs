using System.Text;

namespace Taishang.VectorEngine.Tests.Model;

/// <summary>Readers, writers, builds and compactions at once, each with an invariant of its own that holds at every
/// moment, and the whole content compared at the end.</summary>
public sealed class ManyThreadsTests
{
    private const int Dimensions = 12;
    private const int RowCount = 3000;

    /// <summary>Rows below this number are only ever replaced by themselves: each is there once, always.</summary>
    private const int StableRows = 1000;

    private const int Writers = 4;
    private const int RowsOfWriter = 500;

    /// <summary>Rows that one call writes anew again and again, in whatever shards they lie.</summary>
    private const int TogetherRows = 12;

    private const int AllRows = RowCount + TogetherRows;

    public static TheoryData<IndexKind, int, CompressionKind> Forms
    {
        get
        {
            var forms = new TheoryData<IndexKind, int, CompressionKind>();
            foreach (var kind in Enum.GetValues<IndexKind>())
                forms.Add(kind, 1, CompressionKind.None);
            forms.Add(IndexKind.Hnsw, 3, CompressionKind.None);
            forms.Add(IndexKind.Flat, 4, CompressionKind.None);
            forms.Add(IndexKind.IvfSq8, 2, CompressionKind.None);
            forms.Add(IndexKind.Hnsw, 3, CompressionKind.Sq8);
            return forms;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public async Task Upserts_deletes_searches_builds_and_compactions_at_once_leave_exactly_what_was_written(
        IndexKind kind, int shards, CompressionKind compression)
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 1500 };
        var collection = await folder.CreateAnyAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
            Shards = shards,
            Compression = compression,
            Hnsw = new HnswOptions { EfConstruction = 40, EfSearch = 20 },
        });
        var rows = Rows.Numbered(
            Rows.Vectors(5, RowCount, Dimensions), i => $"{{\"w\":{(i - StableRows) / RowsOfWriter},\"i\":{i}}}");
        await collection.UpsertAllAsync(rows);
        await collection.UpsertAsync(Together(rows, 0), CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2)
            .Select(reader => Task.Run(() => ReadUntil(collection, rows, new Random(reader), stop.Token))).ToList();
        var maintenance = Task.Run(() => MaintainUntilAsync(collection, stop.Token));
        var writers = Enumerable.Range(0, Writers)
            .Select(writer => Task.Run(() => WriteAsync(collection, rows, writer))).ToList();
        writers.Add(Task.Run(() => WriteTogetherAsync(collection, rows)));

        await Task.WhenAll(writers);
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        await maintenance;

        Check(collection, rows);
        await collection.CompactAsync(null, CancellationToken.None);
        Assert.Equal((AllRows, 0), ((int)collection.Describe().IndexedRows, (int)collection.Describe().DeadRows));
        Check(collection, rows);
        Check(await folder.ReopenAnyAsync(), rows);
    }

    private static void ReadUntil(
        IVectorCollection collection, List<VectorRow> rows, Random random, CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var row = rows[random.Next(StableRows)];
            var request = new SearchRequest(row.Vector, 5) { Exact = random.Next(2) == 0 };
            var ids = collection.Search(request, CancellationToken.None).Ids();
            Assert.Equal(5, ids.Distinct().Count());
            Assert.Equal(row.Id.Text, ids[0]);
            Assert.Single(collection.Get([row.Id]));
            Assert.Equal(StableRows, collection.Count(Rows.Filter($"{{\"i\":{{\"$lt\":{StableRows}}}}}")));
            Assert.InRange(collection.Count(), AllRows - Writers * 10, AllRows);
            CheckTogether(collection);
        }
    }

    private static async Task MaintainUntilAsync(IVectorCollection collection, CancellationToken stop)
    {
        for (var round = 0; !stop.IsCancellationRequested; round++)
        {
            await (round % 2 == 0
                ? collection.BuildIndexAsync(null, CancellationToken.None)
                : collection.CompactAsync(null, CancellationToken.None));
        }
    }

    /// <summary>Deletes rows of its own, by id or by filter, and writes them again; nobody else touches them, so every
    /// count that comes back is exact.</summary>
    private static async Task WriteAsync(IVectorCollection collection, List<VectorRow> rows, int writer)
    {
        var random = new Random(100 + writer);
        var first = StableRows + writer * RowsOfWriter;
        for (var round = 0; round < 40; round++)
        {
            var own = Enumerable.Range(0, 10).Select(_ => first + random.Next(RowsOfWriter)).Distinct().ToList();
            var deleted = round % 2 == 0
                ? collection.DeleteAsync([.. own.Select(i => rows[i].Id)], CancellationToken.None)
                : collection.DeleteAsync(
                    Rows.Filter($"{{\"w\":{writer},\"i\":{{\"$in\":[{string.Join(',', own)}]}}}}"),
                    CancellationToken.None);
            Assert.Equal(own.Count, await deleted);
            Assert.Empty(collection.Get([.. own.Select(i => rows[i].Id)]));
            var written = own.Append(random.Next(StableRows)).Select(i => rows[i]).ToList();
            Assert.Equal(written.Count, await collection.UpsertAsync(written, CancellationToken.None));
            Assert.Equal(own.Count, collection.Get([.. own.Select(i => rows[i].Id)]).Count);
        }
    }

    /// <summary>All of them in one call, with the number of the round.</summary>
    private static List<VectorRow> Together(List<VectorRow> rows, int round) =>
    [
        .. Enumerable.Range(0, TogetherRows).Select(
            i => Rows.Row($"together{i}", Far(rows[(i + round) % RowCount].Vector), $"{{\"round\":{round}}}")),
    ];

    /// <summary>So far off that no reader meets it among its nearest.</summary>
    private static float[] Far(ReadOnlyMemory<float> vector) =>
        [.. vector.ToArray().Select(component => component + 50)];

    private static async Task WriteTogetherAsync(IVectorCollection collection, List<VectorRow> rows)
    {
        for (var round = 1; round <= 40; round++)
        {
            Assert.Equal(
                TogetherRows, await collection.UpsertAsync(Together(rows, round), CancellationToken.None));
            CheckTogether(collection);
        }
    }

    /// <summary>Rows of one call are seen together, whatever shards they lie in.</summary>
    private static void CheckTogether(IVectorCollection collection)
    {
        var got = collection.Get([.. Enumerable.Range(0, TogetherRows).Select(i => new VectorId($"together{i}"))]);
        Assert.Equal(TogetherRows, got.Count);
        var rounds = got.Select(row => Encoding.UTF8.GetString(row.MetadataJson.Span)[9..^1]).Distinct();
        var round = Assert.Single(rounds);
        Assert.True(collection.Count(Rows.Filter($"{{\"round\":{round}}}")) is 0 or TogetherRows);
    }

    private static void Check(IVectorCollection collection, List<VectorRow> rows)
    {
        Assert.Equal(AllRows, collection.Count());
        CheckTogether(collection);
        var got = collection.Get([.. rows.Select(row => row.Id)]);
        Assert.Equal(rows.Select(row => row.Id), got.Select(row => row.Id));
        Assert.All(got.Zip(rows), pair => Assert.True(
            pair.First.Vector.Span.SequenceEqual(pair.Second.Vector.Span)
            && pair.First.MetadataJson.Span.SequenceEqual(pair.Second.MetadataJson.Span)));
        var found = collection.Search(new SearchRequest(rows[0].Vector, 10_000)).Ids();
        Assert.Equal(
            rows.Select(row => row.Id.Text),
            found.Where(id => id[0] == 'r').Order(StringComparer.Ordinal));
        Assert.Equal(AllRows, found.Distinct().Count());
    }
}
