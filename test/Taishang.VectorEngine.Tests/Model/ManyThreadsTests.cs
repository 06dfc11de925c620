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

    public static TheoryData<IndexKind> Kinds => [.. Enum.GetValues<IndexKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Upserts_deletes_searches_builds_and_compactions_at_once_leave_exactly_what_was_written(
        IndexKind kind)
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 1500 };
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
            Hnsw = new HnswOptions { EfConstruction = 40, EfSearch = 20 },
        });
        var rows = Rows.Numbered(
            Rows.Vectors(5, RowCount, Dimensions), i => $"{{\"w\":{(i - StableRows) / RowsOfWriter},\"i\":{i}}}");
        await collection.UpsertAllAsync(rows);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2)
            .Select(reader => Task.Run(() => ReadUntil(collection, rows, new Random(reader), stop.Token))).ToList();
        var maintenance = Task.Run(() => MaintainUntilAsync(collection, stop.Token));
        var writers = Enumerable.Range(0, Writers)
            .Select(writer => Task.Run(() => WriteAsync(collection, rows, writer))).ToList();

        await Task.WhenAll(writers);
        await stop.CancelAsync();
        await Task.WhenAll(readers);
        await maintenance;

        Check(collection, rows);
        await collection.CompactAsync(null, CancellationToken.None);
        Assert.Equal((RowCount, 0), ((int)collection.Describe().IndexedRows, (int)collection.Describe().DeadRows));
        Check(collection, rows);
        Check(await folder.ReopenAsync(), rows);
    }

    private static void ReadUntil(
        VectorCollection collection, List<VectorRow> rows, Random random, CancellationToken stop)
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
            Assert.InRange(collection.Count(), RowCount - Writers * 10, RowCount);
        }
    }

    private static async Task MaintainUntilAsync(VectorCollection collection, CancellationToken stop)
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
    private static async Task WriteAsync(VectorCollection collection, List<VectorRow> rows, int writer)
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

    private static void Check(VectorCollection collection, List<VectorRow> rows)
    {
        Assert.Equal(RowCount, collection.Count());
        var got = collection.Get([.. rows.Select(row => row.Id)]);
        Assert.Equal(rows.Select(row => row.Id), got.Select(row => row.Id));
        Assert.All(got.Zip(rows), pair => Assert.True(
            pair.First.Vector.Span.SequenceEqual(pair.Second.Vector.Span)
            && pair.First.MetadataJson.Span.SequenceEqual(pair.Second.MetadataJson.Span)));
        var found = collection.Search(new SearchRequest(rows[0].Vector, 10_000)).Ids();
        Assert.Equal(rows.Select(row => row.Id.Text), found.Order(StringComparer.Ordinal));
    }
}
