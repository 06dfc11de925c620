using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Indexes.Ivf;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Indexes;

public sealed class IvfTests
{
    private const int Dimensions = 16;

    [Theory]
    [InlineData(IndexKind.IvfFlat, DistanceMetric.L2)]
    [InlineData(IndexKind.IvfSq8, DistanceMetric.Cosine)]
    [InlineData(IndexKind.IvfSq8, DistanceMetric.Dot)]
    public async Task Threads_do_not_change_the_lists(IndexKind kind, DistanceMetric metric)
    {
        using var rows = TableOf(metric, Rows.Clustered(1, 3000, Dimensions, 25));
        using var first = await BuiltAsync(kind, rows, 1);
        using var second = await BuiltAsync(kind, rows, 4);

        Assert.Equal(first.Lists!.Count, second.Lists!.Count);
        for (var list = 0; list < first.Lists.Count; list++)
        {
            Assert.Equal(first.Lists.BaseRows(list).ToArray(), second.Lists.BaseRows(list).ToArray());
            Assert.True(first.Lists.Centroids.Span(list).SequenceEqual(second.Lists.Centroids.Span(list)));
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Every_row_is_in_one_list_and_no_list_is_far_longer_than_the_others(DistanceMetric metric)
    {
        // Half of the rows sit in one of many clusters, a third of those are one and the same vector.
        var vectors = Rows.Clustered(2, 6000, Dimensions, 40);
        for (var i = 0; i < 3000; i++)
            vectors[i] = i < 1000 ? vectors[0] : [.. vectors[0].Select((x, d) => x + 0.001f * ((i * 31 + d) % 17))];
        using var rows = TableOf(metric, vectors);
        using var index = await BuiltAsync(IndexKind.IvfFlat, rows, 2);

        var lists = index.Lists!;
        var members = Enumerable.Range(0, lists.Count).Select(list => lists.BaseRows(list).ToArray()).ToList();
        Assert.Equal(Enumerable.Range(0, 6000), members.SelectMany(list => list).Order());
        Assert.True(members.Max(list => list.Length) <= Math.Max(64, 6 * 6000 / 309), "a list is too long");
        Assert.All(members, list => Assert.Equal(list.Order(), list));
    }

    [Fact]
    public async Task Progress_never_goes_back_and_a_cancelled_build_leaves_nothing_half_made()
    {
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(3, 4000, Dimensions, 25));
        var scorer = new RowScorer(rows, DistanceScorer.For(DistanceMetric.L2));
        using var index = new IvfIndex(IndexKind.IvfFlat, new IvfOptions(), default, scorer);
        using var stop = new CancellationTokenSource();
        var told = new List<int>();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => index.CoverAsync(
            4000,
            1,
            covered =>
            {
                told.Add(covered);
                if (covered > 2000)
                    stop.Cancel();
            },
            stop.Token));

        Assert.Equal(0, index.Covered);
        Assert.Null(index.Lists);
        await index.CoverAsync(4000, 1, told.Add, CancellationToken.None);
        Assert.Equal(4000, index.Covered);
        Assert.Equal(4000, told[^1]);
    }

    [Fact]
    public async Task Later_rows_join_the_lists_and_twice_as_many_make_new_ones()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options(IndexKind.IvfSq8));
        var vectors = Rows.Clustered(4, 5000, Dimensions, 25);
        var numbered = Rows.Numbered(vectors);
        await collection.UpsertAllAsync(numbered[..2000]);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var bytes = collection.Describe().Index;

        await collection.UpsertAllAsync(numbered[2000..3500]);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(3500, collection.Describe().IndexedRows);
        Assert.Equal(IndexKind.IvfSq8, collection.Describe().Index.Kind);
        Assert.Equal(vectors[3000], First(collection, vectors[3000]));
        collection = await folder.ReopenAsync();
        Assert.Empty(collection.Describe().RecoveryNotes);
        Assert.Equal(vectors[3000], First(collection, vectors[3000]));

        await collection.UpsertAllAsync(numbered[3500..]);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var renewed = collection.Describe();
        Assert.Equal((5000, 5000, 0), (renewed.IndexedRows, renewed.LiveRows, renewed.DeadRows));
        Assert.True(renewed.Index.CodeBytes >= 5000 * (Dimensions + 4));
        Assert.True(renewed.Index.LinkBytes > bytes.LinkBytes, "there should be more lists than before");
        Assert.Equal(vectors[4999], First(collection, vectors[4999]));
    }

    [Theory]
    [InlineData(IndexKind.IvfFlat)]
    [InlineData(IndexKind.IvfSq8)]
    public async Task A_damaged_file_of_lists_is_made_again_and_says_so(IndexKind kind)
    {
        await using var folder = new EngineFolder();
        var vectors = Rows.Clustered(5, 1500, Dimensions, 10);
        var collection = await folder.CreateAsync(Options(kind));
        await collection.UpsertAllAsync(Rows.Numbered(vectors));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DisposeAsync();
        var file = folder.FileNamed("graph-");
        var bytes = await File.ReadAllBytesAsync(file);
        var random = new Random(6);
        for (var trial = 0; trial < 20; trial++)
        {
            var damaged = bytes.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(file, damaged);

            await using var copy = await folder.OpenCopyAsync($"copy{trial}", _ => { });
            Assert.Contains("rebuilt from the vectors", Assert.Single(copy.Describe().RecoveryNotes));
            Assert.Equal(vectors[7], First(copy, vectors[7]));
            await copy.BuildIndexAsync(null, CancellationToken.None);
            Assert.Equal(1500, copy.Describe().IndexedRows);
        }
    }

    [Fact]
    public async Task Lists_are_outgrown_by_twice_their_rows_but_not_by_a_few()
    {
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(9, 2500, Dimensions, 25));
        var scorer = new RowScorer(rows, DistanceScorer.For(DistanceMetric.L2));
        using var small = new IvfIndex(IndexKind.IvfFlat, new IvfOptions(), default, scorer);
        Assert.False(small.IsOutgrown(2500));
        await small.CoverAsync(10, 1, null, CancellationToken.None);
        await small.CoverAsync(900, 1, null, CancellationToken.None);
        Assert.Equal((10, 900), (small.Lists!.TrainedRows, small.Covered));
        Assert.False(small.IsOutgrown(1009));
        Assert.True(small.IsOutgrown(1010));

        using var large = new IvfIndex(IndexKind.IvfFlat, new IvfOptions(), default, scorer);
        await large.CoverAsync(1250, 1, null, CancellationToken.None);
        Assert.False(large.IsOutgrown(2499));
        Assert.True(large.IsOutgrown(2500));
    }

    [Fact]
    public async Task More_probes_find_more_and_all_of_them_everything()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options(IndexKind.IvfFlat) with { Ivf = new() { Lists = 200 } });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(7, 4000, Dimensions)));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var queries = Rows.Vectors(8, 50, Dimensions);
        double Recall(int? probes) => queries.Average(query =>
        {
            var request = new SearchRequest(query, 10) { Probes = probes };
            var exact = collection.Search(request with { Exact = true }).Ids();
            return collection.Search(request).Ids().Intersect(exact).Count() / 10.0;
        });

        var (one, ten, all) = (Recall(1), Recall(10), Recall(200));
        Assert.True(one < ten && ten < all, $"{one}, {ten}, {all}");
        Assert.Equal(1, all);
        await collection.ReconfigureAsync(null, 10, null, CancellationToken.None);
        Assert.Equal(ten, Recall(null));
        var refused = Assert.Throws<VectorInputException>(() => Recall(0));
        Assert.Contains("nprobe: expected 1 to 65536, got 0", refused.Message);
    }

    private static float[] First(VectorCollection collection, float[] query) =>
        collection.Search(new SearchRequest(query, 1) { IncludeVector = true }).Hits[0].Vector.ToArray();

    private static VectorCollectionOptions Options(IndexKind kind) =>
        new() { Dimensions = Dimensions, Metric = DistanceMetric.L2, Index = kind };

    private static async Task<IvfIndex> BuiltAsync(IndexKind kind, RowTable rows, int threads)
    {
        var scorer = new RowScorer(rows, DistanceScorer.For(rows.Metric));
        var index = new IvfIndex(
            kind, new IvfOptions(), new CodeOptions(kind == IndexKind.IvfSq8 ? CodeForm.Seven : null, default), scorer);
        await index.CoverAsync(rows.Count, threads, null, CancellationToken.None);
        return index;
    }

    private static RowTable TableOf(DistanceMetric metric, float[][] vectors)
    {
        var table = new RowTable(vectors[0].Length, metric);
        foreach (var vector in vectors)
        {
            table.Append(
                MemoryMarshal.AsBytes(vector.AsSpan()),
                new RowFields("x"u8, isInteger: false, RowRecord.Never, default),
                RowTable.Alive);
        }

        return table;
    }
}
