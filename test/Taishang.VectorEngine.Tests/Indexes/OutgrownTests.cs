using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Tests.Indexes;

/// <summary>
/// A collection that grows past what the narrow links of its graph can name gets a graph with wide ones, at once when
/// there is room for it beside the present one, and when there is none as soon as there is. It takes two million rows
/// and minutes: with TAISHANG_LONG_TESTS=1 alone.
/// </summary>
public sealed class OutgrownTests
{
    private const int FirstRows = 1_500_000;
    private const int AllRows = 2_150_000;
    private const long Gibibyte = 1 << 30;
    private const int BatchRows = 10_000;
    private const int Dimensions = 4;

    /// <summary>Of so many rows sought by their own vectors, this share is found at least: the graph is as thin as can
    /// be, to be built soon.</summary>
    private const int Sought = 400;
    private const double FoundShare = 0.85;

    /// <summary>Enough to bring the rows that came later under the graph, not for another graph of all.</summary>
    private const long RoomToCover = 128 << 20;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    [Fact]
    public async Task A_collection_that_outgrows_narrow_links_gets_wide_ones_when_there_is_room()
    {
        Assert.SkipUnless(IsLong, "takes minutes: set TAISHANG_LONG_TESTS=1");
        await using var folder = new EngineFolder();
        var used = 0L;
        folder.Engine = folder.Engine with { Memory = new MemoryBudget(4 * Gibibyte, () => Volatile.Read(ref used)) };
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Index = IndexKind.Hnsw,
            Hnsw = new HnswOptions { Connectivity = 4, EfConstruction = 8 },
        });
        await UpsertAsync(collection, 0, FirstRows);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(FirstRows, collection.Describe().IndexedRows);
        var narrow = collection.Describe().Index.LinkBytes / (double)FirstRows;

        Volatile.Write(ref used, 4 * Gibibyte - RoomToCover);
        await UpsertAsync(collection, FirstRows, AllRows);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(new LinkPacking(LinkPacking.NarrowBits).NodesMax, collection.Describe().IndexedRows);
        Check(collection);

        Volatile.Write(ref used, 0);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(AllRows, collection.Describe().IndexedRows);
        Assert.True(collection.Describe().Index.LinkBytes / (double)AllRows > narrow);
        Check(collection);
        Check(await folder.ReopenAsync());
    }

    private static async Task UpsertAsync(VectorCollection collection, int from, int to)
    {
        for (var start = from; start < to; start += BatchRows)
        {
            var ids = Enumerable.Range(start, BatchRows);
            await collection.UpsertAsync(
                [.. ids.Select(id => new VectorRow(VectorId.FromInteger(id), Place(id)))], CancellationToken.None);
        }
    }

    /// <summary>Rows from all over, and those about the last one that narrow links name.</summary>
    private static void Check(VectorCollection collection)
    {
        Assert.Equal(AllRows, collection.Count());
        var ids = Enumerable.Range(0, Sought)
            .Select(i => i < Sought / 2 ? i * (AllRows / Sought) * 2 : 2_097_150 - Sought / 4 + i);
        var found = ids.Count(id =>
            collection.Search(new SearchRequest(Place(id), 1) { EfSearch = 400 }).Hits[0].Id.Text == $"{id}");
        Assert.True(found >= Sought * FoundShare, $"{found} of {Sought} rows are found by their own vectors");
    }

    private static float[] Place(int id)
    {
        var random = new Random(id);
        return [.. Enumerable.Range(0, Dimensions).Select(_ => random.NextSingle())];
    }
}
