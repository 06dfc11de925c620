using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Segments;

public sealed class MatchCacheTests
{
    [Fact]
    public void The_same_filter_of_the_same_snapshot_is_evaluated_once()
    {
        var generation = GenerationOf(100);
        var snapshot = new Snapshot(generation, 100, 1, 100);

        var first = generation.Matches.Of(Rows.Filter("{\"n\":{\"$lt\":10}}"), snapshot);
        var second = generation.Matches.Of(Rows.Filter("{\"n\":{\"$lt\":10}}"), snapshot with { Live = 100 });

        Assert.Equal(10, first.Count);
        Assert.Same(first.Rows, second.Rows);
        Assert.NotSame(first.Rows, generation.Matches.Of(Rows.Filter("{\"n\":{\"$lt\":11}}"), snapshot).Rows);
        generation.Release();
    }

    [Fact]
    public void A_commit_or_a_row_more_is_another_snapshot()
    {
        var generation = GenerationOf(100);
        var filter = Rows.Filter("{\"n\":{\"$lt\":10}}");
        Assert.Equal(10, generation.Matches.Of(filter, new Snapshot(generation, 100, 1, 100)).Count);

        generation.Rows.Kill(5, 2);

        Assert.Equal(9, generation.Matches.Of(filter, new Snapshot(generation, 100, 2, 99)).Count);
        Assert.Equal(10, generation.Matches.Of(filter, new Snapshot(generation, 100, 1, 100)).Count);
        Append(generation, 3);
        Assert.Equal(10, generation.Matches.Of(filter, new Snapshot(generation, 101, 2, 100)).Count);
        generation.Release();
    }

    [Fact]
    public void What_is_kept_is_bounded_and_counted()
    {
        var generation = GenerationOf(1000);
        var snapshot = new Snapshot(generation, 1000, 1, 1000);
        for (var i = 0; i < MatchCache.FiltersMax * 3; i++)
            Assert.Equal(i, generation.Matches.Of(Rows.Filter($"{{\"n\":{{\"$lt\":{i}}}}}"), snapshot).Count);
        var bytes = generation.Matches.Bytes;
        Assert.InRange(bytes, MatchCache.FiltersMax * 125, MatchCache.FiltersMax * 200);

        var values = string.Join(',', Enumerable.Range(0, MatchCache.FilterBytesMax));
        Assert.Equal(1000, generation.Matches.Of(Rows.Filter($"{{\"n\":{{\"$in\":[{values}]}}}}"), snapshot).Count);
        Assert.Equal(bytes, generation.Matches.Bytes);
        generation.Release();
    }

    private static Generation GenerationOf(int rows)
    {
        var generation = new Generation(1, DistanceMetric.L2);
        for (var row = 0; row < rows; row++)
            Append(generation, row);
        return generation;
    }

    private static void Append(Generation generation, int number)
    {
        var json = System.Text.Encoding.UTF8.GetBytes($"{{\"n\":{number}}}");
        var fields = new RowFields("x"u8, isInteger: false, RowRecord.Never, json);
        generation.Rows.Append(new byte[4], fields, RowTable.Alive);
    }
}
