using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Quantization;

/// <summary>Grids of four bits and of one.</summary>
public sealed unsafe class PackedGridTests
{
    private const int Dimensions = 149;

    [Theory]
    [InlineData(7, DistanceMetric.L2, 0.995, 0.02)]
    [InlineData(7, DistanceMetric.Cosine, 0.995, 0.02)]
    [InlineData(7, DistanceMetric.Dot, 0.995, 0.02)]
    [InlineData(4, DistanceMetric.L2, 0.98, 0.06)]
    [InlineData(4, DistanceMetric.Cosine, 0.98, 0.06)]
    [InlineData(4, DistanceMetric.Dot, 0.98, 0.06)]
    [InlineData(1, DistanceMetric.L2, 0.7, 0.8)]
    [InlineData(1, DistanceMetric.Cosine, 0.7, 0.8)]
    [InlineData(1, DistanceMetric.Dot, 0.7, 0.8)]
    public void Estimates_of_codes_follow_the_distances_of_floats(
        int bits, DistanceMetric metric, double least, double errorMax)
    {
        var form = (CodeForm)bits;
        using var rows = TableOf(metric, Rows.Clustered(5, 400, Dimensions, 12));
        var grid = CodeGridTrainer.Train(rows, rows.Count, form);
        Assert.NotNull(grid);
        Assert.Equal(form, grid.Form);
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));
        var code = stackalloc byte[grid.KernelBytes];
        var asked = stackalloc sbyte[grid.QueryBytes];
        for (var query = 0; query < 20; query++)
        {
            var question = grid.EncodeQuery(rows.Vector(query), rows.Scale(query), asked);
            var byFloats = new double[400];
            var byCodes = new double[400];
            for (var row = 0; row < 400; row++)
            {
                var term = grid.Encode(rows.Vector(row), rows.Scale(row), code);
                var product = grid.Scorer.Pair(code, question.Code, grid.KernelBytes);
                byFloats[row] = scorer.Score(scorer.QueryOf(query), row);
                byCodes[row] = question.Estimate(question.Distance(product, term));
            }

            var (correlation, error) = Compare(byFloats, byCodes);
            Assert.True(correlation > least, $"correlation {correlation}");
            Assert.True(error < errorMax, $"mean error {error} of the spread");
        }
    }

    [Theory]
    [InlineData(7, DistanceMetric.L2)]
    [InlineData(4, DistanceMetric.Cosine)]
    [InlineData(4, DistanceMetric.Dot)]
    [InlineData(1, DistanceMetric.L2)]
    [InlineData(1, DistanceMetric.Dot)]
    public void Two_rows_are_as_far_from_each_other_whichever_asks(int bits, DistanceMetric metric)
    {
        var form = (CodeForm)bits;
        using var rows = TableOf(metric, Rows.Clustered(6, 60, Dimensions, 5));
        var grid = CodeGridTrainer.Train(rows, rows.Count, form)!;
        Assert.NotNull(grid);
        for (var a = 0; a < 15; a++)
        {
            for (var b = 0; b < 15; b++)
                Assert.Equal(BetweenRows(grid, rows, a, b), BetweenRows(grid, rows, b, a));
            if (metric != DistanceMetric.Dot)
                Assert.Equal(0, BetweenRows(grid, rows, a, a));
        }
    }

    private static int BetweenRows(CodeGrid grid, RowTable rows, int from, int to)
    {
        var code = stackalloc byte[grid.KernelBytes];
        var query = stackalloc sbyte[grid.QueryBytes];
        var question = grid.QueryOfRow(code, grid.Encode(rows.Vector(from), rows.Scale(from), code), query);
        var other = stackalloc byte[grid.KernelBytes];
        var term = grid.Encode(rows.Vector(to), rows.Scale(to), other);
        return question.Distance(grid.Scorer.Pair(other, question.Code, grid.KernelBytes), term);
    }

    /// <summary>Correlation, and the mean error as a share of the standard deviation of the distances.</summary>
    private static (double Correlation, double Error) Compare(double[] left, double[] right)
    {
        var meanLeft = left.Average();
        var meanRight = right.Average();
        var both = left.Zip(right, (a, b) => (a - meanLeft) * (b - meanRight)).Sum();
        var spreadLeft = Math.Sqrt(left.Sum(a => (a - meanLeft) * (a - meanLeft)));
        var spreadRight = Math.Sqrt(right.Sum(b => (b - meanRight) * (b - meanRight)));
        var error = left.Zip(right, (a, b) => Math.Abs(a - b)).Average() / (spreadLeft / Math.Sqrt(left.Length));
        return (both / spreadLeft / spreadRight, error);
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
