using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Quantization;

public sealed unsafe class CodeGridTests
{
    private const int Dimensions = 37;

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    [InlineData(DistanceMetric.Dot)]
    public void Distances_of_codes_follow_those_of_the_floats(DistanceMetric metric)
    {
        var vectors = Rows.Clustered(5, 400, Dimensions, 12);
        using var rows = TableOf(metric, vectors);
        var grid = CodeGridTrainer.Train(rows, rows.Count);
        Assert.NotNull(grid);
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));

        // A pair of rows differs by its rounding alone: half a step in each component on either side.
        for (var query = 0; query < 20; query++)
        {
            var question = scorer.QueryOf(query);
            var byFloats = Enumerable.Range(0, 400).Select(row => (double)scorer.Score(question, row)).ToArray();
            var byCodes = Enumerable.Range(0, 400).Select(row => Distance(grid, rows, query, row)).ToArray();

            Assert.True(Correlation(byFloats, byCodes) > 0.995, $"{Correlation(byFloats, byCodes)}");
        }
    }

    [Fact]
    public void The_distance_of_two_codes_is_exact()
    {
        using var rows = TableOf(DistanceMetric.L2, Rows.Clustered(6, 50, Dimensions, 3));
        var grid = CodeGridTrainer.Train(rows, rows.Count)!;
        for (var a = 0; a < 10; a++)
        {
            for (var b = 0; b < 10; b++)
            {
                var codeA = CodeOf(grid, rows, a);
                var codeB = CodeOf(grid, rows, b);
                Assert.Equal(codeA.Zip(codeB, (x, y) => (x - y) * (x - y)).Sum(), Distance(grid, rows, a, b));
            }
        }
    }

    [Fact]
    public void Components_outside_of_the_grid_take_its_edge()
    {
        var vectors = Rows.Vectors(7, 2000, Dimensions);
        using var rows = TableOf(DistanceMetric.L2, vectors);
        var grid = CodeGridTrainer.Train(rows, rows.Count)!;
        float[] far = [.. Enumerable.Range(0, Dimensions).Select(i => i % 2 == 0 ? 1e18f : -1e18f)];
        using var outside = TableOf(DistanceMetric.L2, [far]);

        var code = CodeOf(grid, outside, 0);

        Assert.All(Enumerable.Range(0, Dimensions), i => Assert.Equal(i % 2 == 0 ? CodeGrid.CodeMax : 0, code[i]));
    }

    [Fact]
    public void Rows_in_which_one_component_dwarfs_the_others_get_no_grid()
    {
        // All that tells the rows of a group apart lies far below one step.
        var random = new Random(8);
        var vectors = Rows.Vectors(9, 2000, Dimensions);
        foreach (var vector in vectors)
            vector[0] = random.Next(2) * 1e6f;
        using var rows = TableOf(DistanceMetric.L2, vectors);

        Assert.Null(CodeGridTrainer.Train(rows, rows.Count));
    }

    [Fact]
    public void Equal_rows_get_no_grid_and_one_row_neither()
    {
        using var equal = TableOf(DistanceMetric.L2, [.. Enumerable.Repeat(new[] { 1f, 2f, 3f }, 10)]);
        using var none = TableOf(DistanceMetric.L2, [new[] { 1f, 2f, 3f }]);

        Assert.Null(CodeGridTrainer.Train(equal, 10));
        Assert.Null(CodeGridTrainer.Train(none, 0));
    }

    private static int Distance(CodeGrid grid, RowTable rows, int query, int row)
    {
        var code = stackalloc byte[grid.KernelBytes];
        var term = grid.Encode(rows.Vector(row), rows.Scale(row), code);
        var asked = stackalloc sbyte[grid.QueryBytes];
        var question = grid.EncodeQuery(rows.Vector(query), rows.Scale(query), asked);
        return question.Distance(CodeScorer.Best.Pair(code, question.Code, grid.KernelBytes), term);
    }

    private static int[] CodeOf(CodeGrid grid, RowTable rows, int row)
    {
        var code = new byte[grid.CodeBytes];
        fixed (byte* target = code)
            grid.Encode(rows.Vector(row), rows.Scale(row), target);
        return Array.ConvertAll(code, value => (int)value);
    }

    private static double Correlation(double[] left, int[] right)
    {
        var meanLeft = left.Average();
        var meanRight = right.Average();
        var both = left.Zip(right, (a, b) => (a - meanLeft) * (b - meanRight)).Sum();
        return both / Math.Sqrt(
            left.Sum(a => (a - meanLeft) * (a - meanLeft)) * right.Sum(b => (b - meanRight) * (b - meanRight)));
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
