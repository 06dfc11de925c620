using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Quantization;

public sealed unsafe class RemainderPlaneTests
{
    private const int RowCount = 60;

    /// <summary>Of a distance, relative: what sums of float32 themselves differ by.</summary>
    private const double Tolerance = 2e-6;

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    public void A_code_and_what_it_leaves_out_tell_the_distance_that_floats_tell(DistanceMetric metric)
    {
        // Every remainder of every vector width, and none.
        for (var dimensions = 2; dimensions <= 70; dimensions++)
        {
            using var rows = CodeGridTests.TableOf(metric, Rows.Clustered(dimensions, RowCount, dimensions, 5));
            Check(rows, GridOf(rows));
        }
    }

    [Theory]
    [InlineData(DistanceMetric.L2)]
    [InlineData(DistanceMetric.Cosine)]
    public void Components_far_off_the_grid_are_as_exact_as_the_others(DistanceMetric metric)
    {
        var vectors = Rows.Clustered(7, RowCount, 33, 5);
        using var sample = CodeGridTests.TableOf(metric, vectors);
        var grid = GridOf(sample);
        for (var row = 0; row < RowCount; row += 3)
        {
            vectors[row][row % 33] = 40;
            vectors[row][(row + 5) % 33] = -300;
        }

        using var rows = CodeGridTests.TableOf(metric, vectors);
        Assert.True(Check(rows, grid) >= RowCount / 3);
    }

    [Fact]
    public void A_row_asked_for_itself_lies_at_no_distance()
    {
        using var rows = CodeGridTests.TableOf(DistanceMetric.Cosine, Rows.Clustered(8, RowCount, 64, 5));
        var grid = GridOf(rows);
        using var plane = Fill(rows, grid, out var codes);
        for (var row = 0; row < RowCount; row++)
            Assert.Equal(-1f, Distance(plane, rows, codes, row, row));
    }

    private static LevelGrid GridOf(RowTable rows) =>
        Assert.IsType<LevelGrid>(CodeGridTrainer.Train(rows, rows.Count));

    /// <summary>Compares all pairs; returns how many components lie off the grid.</summary>
    private static int Check(RowTable rows, LevelGrid grid)
    {
        using var plane = Fill(rows, grid, out var codes);
        for (var query = 0; query < rows.Count; query++)
        {
            for (var row = 0; row < rows.Count; row++)
            {
                var expected = Exact(rows, query, row);
                var found = Distance(plane, rows, codes, query, row);
                Assert.True(
                    Math.Abs(expected - found) <= Tolerance * Math.Max(1, Math.Abs(expected)),
                    $"{rows.Dimensions} dimensions, {query} to {row}: {found} instead of {expected}");
            }
        }

        return plane.OutlierCount;
    }

    private static RemainderPlane Fill(RowTable rows, LevelGrid grid, out byte[][] codes)
    {
        var plane = new RemainderPlane(grid);
        plane.EnsureRows(rows.Count);
        codes = new byte[rows.Count][];
        for (var row = 0; row < rows.Count; row++)
        {
            codes[row] = new byte[grid.KernelBytes];
            fixed (byte* code = codes[row])
            {
                grid.Encode(rows.Vector(row), rows.Scale(row), code);
                plane.Put(row, rows.Vector(row), rows.Scale(row), code);
            }
        }

        return plane;
    }

    private static float Distance(RemainderPlane plane, RowTable rows, byte[][] codes, int query, int row)
    {
        var units = new float[plane.QueryFloats];
        float distance;
        fixed (float* q = units)
        fixed (byte* code = codes[row])
        {
            var question = plane.QueryOf(rows.Vector(query), rows.Scale(query), q);
            var address = code;
            plane.Score(question, &row, &address, 1, &distance);
        }

        return distance;
    }

    private static double Exact(RowTable rows, int query, int row)
    {
        var a = rows.VectorSpan(query);
        var b = rows.VectorSpan(row);
        double product = 0, difference = 0;
        for (var i = 0; i < a.Length; i++)
        {
            product += (double)a[i] * b[i];
            difference += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        }

        return rows.Metric == DistanceMetric.L2
            ? difference
            : -product / Math.Sqrt(RowTable.SquaredLength(a) * RowTable.SquaredLength(b));
    }
}
