using Taishang.VectorEngine.Indexes.Hnsw;

namespace Taishang.VectorEngine.Tests.Indexes;

public sealed class NodeLevelsTests
{
    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    public void Every_node_has_its_level_and_lists_of_its_own(int connectivity)
    {
        using var levels = new NodeLevels(connectivity);
        var random = new Random(connectivity);
        var expected = new List<int>();
        for (var nodes = 1; nodes < 20_000; nodes += random.Next(1, 700))
        {
            levels.EnsureNodes(nodes);
            while (expected.Count < nodes)
                expected.Add(HnswLevels.Of(expected.Count, connectivity));
        }

        var lists = new HashSet<int>();
        for (var node = 0; node < expected.Count; node++)
        {
            Assert.Equal(expected[node], levels.LevelOf(node));
            for (var level = 1; level <= expected[node]; level++)
                Assert.True(lists.Add(levels.FirstUpperList(node) + level - 1));
        }

        Assert.Equal(expected.Sum(), levels.UpperLists);
        Assert.Equal(lists.Count, levels.UpperLists);
        Assert.True(levels.Bytes < expected.Count * (connectivity == 4 ? 2 : 1));
    }

    [Fact]
    public void Rows_marked_at_once_by_several_threads_are_all_twins()
    {
        using var levels = new NodeLevels(4);
        levels.EnsureNodes(64_000);
        Parallel.For(0, 64_000, row =>
        {
            if (row % 3 != 0)
                levels.MarkTwin(row);
        });

        for (var row = 0; row < 64_000; row++)
            Assert.Equal(row % 3 != 0 ? HnswGraph.TwinLevel : HnswLevels.Of(row, 4), levels.LevelOf(row));
    }

    [Fact]
    public void Chains_of_twins_hold_every_row_once_while_several_threads_hang_them_on()
    {
        const int Nodes = 50;
        const int Rows = 20_000;
        var chains = new TwinChains();
        Assert.False(chains.Any);
        Parallel.For(Nodes, Rows, row =>
        {
            chains.Insert(row, row % Nodes);
            Assert.NotEqual(HnswGraph.NoNode, chains.Next(row % Nodes));
        });

        Assert.True(chains.Any);
        for (var node = 0; node < Nodes; node++)
        {
            var met = new HashSet<int>();
            for (var row = node; row != HnswGraph.NoNode; row = chains.Next(row))
            {
                Assert.Equal(node, row % Nodes);
                Assert.True(met.Add(row));
            }

            Assert.Equal(Rows / Nodes, met.Count);
        }
    }
}
