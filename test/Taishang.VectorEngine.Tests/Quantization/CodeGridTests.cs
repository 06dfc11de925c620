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
    public void Every_length_is_rounded_as_its_components_are_one_by_one()
    {
        for (var dimensions = 1; dimensions <= 67; dimensions++)
        {
            using var rows = TableOf(DistanceMetric.L2, Rows.Vectors(dimensions, 5, dimensions));
            float[] offsets = [.. Enumerable.Range(0, dimensions).Select(i => -1.5f + i * 0.01f)];
            var grid = new LevelGrid(DistanceMetric.L2, CodeForm.Seven, offsets, 0.02f);
            for (var row = 0; row < rows.Count; row++)
            {
                var vector = rows.VectorSpan(row).ToArray();
                var expected = vector.Zip(offsets, (value, offset) =>
                    (int)Math.Clamp((value - offset) * (1f / 0.02f) + 0.5f, 0f, CodeGrid.CodeMax));
                Assert.Equal(expected, CodeOf(grid, rows, row));
            }
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2, 1f)]
    [InlineData(DistanceMetric.Cosine, 1f)]
    [InlineData(DistanceMetric.L2, 3f)]
    public void What_rounding_puts_in_the_wrong_order_lies_within_the_doubt(DistanceMetric metric, float spread)
    {
        // Queries of a wider spread lie off the grid, where they are cut as well as rounded.
        const int Queries = 20, Count = 300;
        var vectors = Rows.Vectors(10, Count, Dimensions);
        var asked = Rows.Vectors(11, Queries, Dimensions);
        foreach (var vector in asked)
        {
            for (var i = 0; i < vector.Length; i++)
                vector[i] *= spread;
        }

        using var rows = TableOf(metric, vectors);
        var grid = CodeGridTrainer.Train(rows, Count)!;
        foreach (var vector in asked)
            Append(rows, vector);
        var scorer = new RowScorer(rows, DistanceScorer.For(metric));
        var turned = 0;
        var undoubted = 0;
        for (var query = Count; query < Count + Queries; query++)
        {
            var byFloats = Enumerable.Range(0, Count).Select(row => scorer.Score(scorer.QueryOf(query), row)).ToArray();
            var byCodes = Enumerable.Range(0, Count).Select(row => Distance(grid, rows, query, row)).ToArray();
            for (var a = 0; a < Count; a++)
            {
                for (var b = 0; b < Count; b++)
                {
                    if (byFloats[a] <= byFloats[b] || byCodes[a] >= byCodes[b])
                        continue;

                    turned++;
                    undoubted += byCodes[b] > byCodes[a] + Doubt(grid, rows, query, byCodes[a]) ? 1 : 0;
                }
            }
        }

        Assert.True(turned > 1000, $"only {turned} pairs were turned: the data shows nothing");
        Assert.True(undoubted <= turned / 200, $"{undoubted} of {turned} turned pairs were not doubted");
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

    private static float Doubt(CodeGrid grid, RowTable rows, int query, int distance)
    {
        var asked = stackalloc sbyte[grid.QueryBytes];
        return grid.EncodeQuery(rows.Vector(query), rows.Scale(query), asked).Doubt(distance);
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

    internal static RowTable TableOf(DistanceMetric metric, float[][] vectors)
    {
        var table = new RowTable(vectors[0].Length, metric);
        foreach (var vector in vectors)
            Append(table, vector);
        return table;
    }

    private static void Append(RowTable table, float[] vector) => table.Append(
        MemoryMarshal.AsBytes(vector.AsSpan()),
        new RowFields("x"u8, isInteger: false, RowRecord.Never, default),
        RowTable.Alive);
}
