using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Storage;
using Taishang.VectorEngine.Tests.Quantization;

namespace Taishang.VectorEngine.Tests.Storage;

public sealed unsafe class HalfRowsTests
{
    private const int Dimensions = 37;
    private const int Count = 80;

    /// <summary>Of a distance, against the largest: halves have eleven bits.</summary>
    private const double Tolerance = 1e-3;

    [Theory]
    [InlineData(DistanceMetric.L2, 1f)]
    [InlineData(DistanceMetric.Cosine, 1f)]
    [InlineData(DistanceMetric.Dot, 1f)]
    [InlineData(DistanceMetric.L2, 1e-12f)]
    [InlineData(DistanceMetric.Cosine, 1e9f)]
    [InlineData(DistanceMetric.Dot, 1e9f)]
    public void Distances_by_halves_are_those_by_floats_whatever_the_range(DistanceMetric metric, float scale)
    {
        var vectors = Rows.Clustered(3, Count, Dimensions, 6);
        foreach (var vector in vectors)
        {
            for (var i = 0; i < vector.Length; i++)
                vector[i] *= scale;
        }

        Check(metric, vectors, Tolerance);
    }

    [Fact]
    public void A_row_out_of_the_range_keeps_to_its_floats()
    {
        var vectors = Rows.Clustered(4, Count, Dimensions, 6);
        vectors[5][3] = 1e6f;
        using var grown = CodeGridTests.TableOf(DistanceMetric.L2, vectors);
        using var later = new HalfRows(grown);
        later.CoverTo(5);
        later.CoverTo(grown.Count);

        var scorer = new RowScorer(grown, DistanceScorer.For(DistanceMetric.L2));
        for (var query = 0; query < 3; query++)
            Assert.Equal(scorer.Score(scorer.QueryOf(query), 5), Distances(scorer, later, query)[5]);
    }

    [Fact]
    public void Rows_without_a_copy_are_scored_by_their_floats()
    {
        using var table = CodeGridTests.TableOf(DistanceMetric.Cosine, Rows.Clustered(5, Count, Dimensions, 6));
        using var halves = new HalfRows(table);
        halves.CoverTo(Count / 2);
        var scorer = new RowScorer(table, DistanceScorer.For(DistanceMetric.Cosine));

        var distances = Distances(scorer, halves, 7);

        Assert.Equal(scorer.Score(scorer.QueryOf(7), Count - 1), distances[Count - 1]);
        Assert.NotEqual(scorer.Score(scorer.QueryOf(7), 0), distances[0]);
    }

    private static void Check(DistanceMetric metric, float[][] vectors, double tolerance)
    {
        using var table = CodeGridTests.TableOf(metric, vectors);
        using var halves = new HalfRows(table);
        halves.CoverTo(table.Count);
        var scorer = new RowScorer(table, DistanceScorer.For(metric));
        for (var query = 0; query < table.Count; query++)
        {
            var question = scorer.QueryOf(query);
            var exact = Enumerable.Range(0, table.Count).Select(row => (double)scorer.Score(question, row)).ToArray();
            var found = Distances(scorer, halves, query);
            var allowed = tolerance * exact.Max(Math.Abs);
            for (var row = 0; row < table.Count; row++)
                Assert.Equal(exact[row], found[row], allowed);
        }
    }

    private static float[] Distances(RowScorer scorer, HalfRows halves, int query)
    {
        var count = scorer.Rows.Count;
        int[] nodes = [.. Enumerable.Range(0, count)];
        var distances = new float[count];
        var room = new float[2 * scorer.Rows.PaddedDimensions];
        fixed (int* n = nodes)
        fixed (float* d = distances, r = room)
            halves.Score(scorer, scorer.QueryOf(query), n, count, d, r);
        return distances;
    }
}
