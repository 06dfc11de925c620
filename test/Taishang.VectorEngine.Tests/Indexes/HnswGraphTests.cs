using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Indexes;
using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Indexes;

public sealed class HnswGraphTests
{
    [Theory]
    [InlineData(DistanceMetric.L2, 1, true)]
    [InlineData(DistanceMetric.L2, 4, true)]
    [InlineData(DistanceMetric.Cosine, 2, true)]
    [InlineData(DistanceMetric.Dot, 2, true)]
    [InlineData(DistanceMetric.L2, 4, false)]
    [InlineData(DistanceMetric.Dot, 2, false)]
    public async Task Every_node_is_reachable_after_a_build(DistanceMetric metric, int threads, bool codes)
    {
        using var rows = TableOf(metric, Rows.Clustered(1, 6000, 8, 200));
        using var graph = GraphOver(rows, codes, new HnswOptions { Connectivity = 4, EfConstruction = 16 });
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));

        await new HnswCover(graph, scorer, threads).RunAsync(6000, null, CancellationToken.None);
        using var repair = new HnswRepair(graph, scorer);
        var linked = repair.Run(6000, CancellationToken.None);

        Assert.True(linked > 0 || metric == DistanceMetric.Cosine, "a graph this thin is expected to need repair");
        Assert.Equal(0, repair.CountUnreachable(6000));
        CheckLists(graph, 6000);
    }

    [Fact]
    public async Task Rows_are_covered_in_order_and_a_cancelled_build_goes_on_where_it_stopped()
    {
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(2, 4000, 16, 30));
        using var graph = HnswGraph.Over(rows, rows.Count, new HnswOptions());
        var scorer = new RowScorer(rows, DistanceScorer.For(DistanceMetric.L2));
        using var stop = new CancellationTokenSource();
        var last = 0;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new HnswCover(graph, scorer, 2).RunAsync(
            4000,
            covered =>
            {
                last = covered;
                if (covered > 1000)
                    stop.Cancel();
            },
            stop.Token));

        Assert.InRange(graph.Covered, 1001, 3999);
        await new HnswCover(graph, scorer, 2).RunAsync(4000, null, CancellationToken.None);
        Assert.Equal(4000, graph.Covered);
        using var repair = new HnswRepair(graph, scorer);
        repair.Run(4000, CancellationToken.None);
        Assert.Equal(0, repair.CountUnreachable(4000));
        CheckLists(graph, 4000);
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Every_node_stays_reachable_while_rows_are_written_again_and_again(DistanceMetric metric)
    {
        // A row that is replaced or deleted stays a node until a compaction, so that no path through it is cut.
        const int Round = 700;
        var random = new Random(9);
        var vectors = Rows.Clustered(4, Round, 8, 30);
        using var rows = TableOf(metric, [.. Enumerable.Range(0, 6).SelectMany(_ => vectors.Select(Shifted))]);
        using var graph = HnswGraph.Over(rows, Round, new HnswOptions { Connectivity = 4, EfConstruction = 16 });
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));
        for (var covered = Round; covered <= rows.Count; covered += Round)
        {
            await new HnswCover(graph, scorer, 2).RunAsync(covered, null, CancellationToken.None);
            using var repair = new HnswRepair(graph, scorer);
            repair.Run(covered, CancellationToken.None);
            Assert.Equal(0, repair.CountUnreachable(covered));
            CheckLists(graph, covered);
        }

        float[] Shifted(float[] vector) => [.. vector.Select(value => value + random.NextSingle() * 0.01f)];
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public async Task Equal_rows_hang_on_one_node(DistanceMetric metric)
    {
        var vectors = Rows.Clustered(3, 2000, 8, 20);
        for (var i = 1000; i < 2000; i++)
            vectors[i] = vectors[999];
        using var rows = TableOf(metric, vectors);
        using var graph = HnswGraph.Over(rows, rows.Count, new HnswOptions());
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));

        await new HnswCover(graph, scorer, 1).RunAsync(2000, null, CancellationToken.None);

        var twins = Enumerable.Range(0, 2000).Count(row => graph.LevelOf(row) == HnswGraph.TwinLevel);
        Assert.Equal(1000, twins);
        var chain = 0;
        for (var row = graph.NextTwin(999); row != HnswGraph.NoNode; row = graph.NextTwin(row))
            chain++;
        Assert.Equal(1000, chain);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_graph_whose_links_cannot_name_all_rows_covers_those_it_can_and_is_outgrown(bool codes)
    {
        const int Bits = 10;
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(6, 1500, 8, 20));
        var grid = codes ? CodeGridTrainer.Train(rows, rows.Count) : null;
        var scorer = new RowScorer(rows, DistanceScorer.For(DistanceMetric.L2));
        var options = new HnswOptions { Connectivity = 6, EfConstruction = 40 };
        var codeOptions = new CodeOptions(null, RerankKind.Float32);
        using var index = new HnswIndex(
            new HnswGraph(options, grid, null, new LinkPacking(Bits)), scorer, codeOptions);
        Assert.Equal(1023, index.RowsMax);

        await index.CoverAsync(index.RowsMax, 2, null, CancellationToken.None);
        index.Mend(CancellationToken.None);

        Assert.Equal(1023, index.Covered);
        Assert.False(index.IsOutgrown(1023));
        Assert.True(index.IsOutgrown(1024));
        CheckLists(index.Graph, 1023);
        using var repair = new HnswRepair(index.Graph, scorer);
        Assert.Equal(0, repair.CountUnreachable(1023));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => index.CoverAsync(1024, 1, null, CancellationToken.None));
    }

    [Theory]
    [InlineData(100, 16, 192)]
    [InlineData(784, 16, 896)]
    [InlineData(128, 16, 224)]
    public void A_node_takes_whole_lines_where_they_cost_little(int dimensions, int connectivity, int bytes)
    {
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(7, 300, dimensions, 20));
        using var graph = GraphOver(rows, codes: true, new HnswOptions { Connectivity = connectivity });

        Assert.Equal(bytes, graph.BlockBytes);
        Assert.True(graph.BottomPlaces > graph.BottomLinksMax);
        Assert.True(graph.KernelBytes <= graph.BlockBytes);
    }

    [Fact]
    public void Levels_follow_the_papers_distribution()
    {
        var levels = Enumerable.Range(0, 100_000).Select(node => HnswLevels.Of(node, 16)).ToArray();

        Assert.InRange(levels.Count(level => level >= 1), 5_900, 6_600);
        Assert.InRange(levels.Count(level => level >= 2), 330, 460);
        Assert.True(levels.Max() <= HnswGraph.LevelMax);
    }

    private static unsafe void CheckLists(HnswGraph graph, int nodes)
    {
        var links = stackalloc int[SpaceMemory.BatchNodes];
        for (var node = 0; node < nodes; node++)
        {
            for (var level = 0; level <= graph.LevelOf(node); level++)
            {
                var neighbors = new ReadOnlySpan<int>(links, graph.ReadLinks(node, level, links)).ToArray();
                Assert.True(graph.Packing.IsSound(graph.Links(node, level), graph.WordsOf(level), nodes));
                Assert.Equal(neighbors.Distinct().Count(), neighbors.Length);
                Assert.DoesNotContain(node, neighbors);
                Assert.All(neighbors, neighbor => Assert.True(graph.LevelOf(neighbor) >= level));
            }
        }
    }

    private static HnswGraph GraphOver(RowTable rows, bool codes, HnswOptions options)
    {
        var grid = CodeGridTrainer.Train(rows, rows.Count);
        Assert.NotNull(grid);
        var lift = rows.Metric == DistanceMetric.Dot ? ProductLift.Over(rows, rows.Count, codes ? grid : null) : null;
        return new HnswGraph(options, codes ? grid : null, lift, LinkPacking.For(rows.Count));
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
