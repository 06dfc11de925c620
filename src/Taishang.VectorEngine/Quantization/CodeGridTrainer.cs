using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Lays the grid over a sample of the rows, and tries it: where the nearest of the sample by codes do not hold those by
/// floats (one component dwarfs the others, say), there is no grid, and searches compare floats.
/// </summary>
internal static unsafe class CodeGridTrainer
{
    /// <summary>Rows looked at to lay the grid.</summary>
    private const int SampleRowsMax = 4_096;

    /// <summary>Components outside of the grid that are rounded to its edge, of a million: few of them with fine
    /// steps; with coarse ones a narrower grid gains more than its edges lose.</summary>
    private const int OutsidePerMillion = 250;
    private const int OutsidePerMillionOfNibbles = 5_000;

    /// <summary>The grid for the first <paramref name="count"/> rows; null when codes do not serve them.</summary>
    public static CodeGrid? Train(RowTable rows, int count, CodeForm form = CodeForm.Seven)
    {
        if (count == 0)
            return null;

        var sample = CodeTrial.Sample(count, SampleRowsMax);
        CodeGrid? grid = form == CodeForm.One ? LaySigns(rows, sample) : LayLevels(rows, sample, form);
        return grid is not null && CodeTrial.Serves(grid, rows, count) ? grid : null;
    }

    private static LevelGrid? LayLevels(RowTable rows, int[] sample, CodeForm form)
    {
        var dimensions = rows.Dimensions;
        var values = new float[sample.Length];
        var offsets = new float[dimensions];
        var range = 0f;
        var perMillion = form == CodeForm.Seven ? OutsidePerMillion : OutsidePerMillionOfNibbles;
        var outside = (int)((long)sample.Length * perMillion / 1_000_000);
        for (var dimension = 0; dimension < dimensions; dimension++)
        {
            for (var i = 0; i < sample.Length; i++)
                values[i] = Component(rows, sample[i], dimension);
            Array.Sort(values);
            offsets[dimension] = values[outside];
            range = Math.Max(range, values[values.Length - 1 - outside] - values[outside]);
        }

        // All rows equal, or so far apart that float32 cannot tell the steps.
        var step = range / LevelGrid.LevelMax(form);
        return float.IsNormal(step) && float.IsFinite(1f / step)
            ? new LevelGrid(rows.Metric, form, offsets, step)
            : null;
    }

    private static SignGrid? LaySigns(RowTable rows, int[] sample)
    {
        var lows = new float[rows.Dimensions];
        var widths = new float[rows.Dimensions];
        for (var dimension = 0; dimension < lows.Length; dimension++)
        {
            var mean = 0d;
            foreach (var row in sample)
                mean += Component(rows, row, dimension);
            mean /= sample.Length;
            var (low, high) = MeansAround(rows, sample, dimension, mean);
            lows[dimension] = (float)low;
            widths[dimension] = (float)(high - low);
        }

        var widest = widths.Max();
        return float.IsNormal(widest * widest) && float.IsFinite(CodeGrid.CodeMax / widest / widest)
            ? new SignGrid(rows.Metric, lows, widths)
            : null;
    }

    /// <summary>The means of what is below and above; both the mean itself where one side is empty.</summary>
    private static (double Low, double High) MeansAround(RowTable rows, int[] sample, int dimension, double mean)
    {
        double low = 0, high = 0;
        var above = 0;
        foreach (var row in sample)
        {
            var value = Component(rows, row, dimension);
            if (value <= mean)
            {
                low += value;
                continue;
            }

            high += value;
            above++;
        }

        return above == 0 || above == sample.Length
            ? (mean, mean)
            : (low / (sample.Length - above), high / above);
    }

    private static float Component(RowTable rows, int row, int dimension)
    {
        var scale = rows.Metric == DistanceMetric.Cosine ? rows.Scale(row) : 1f;
        return rows.Vector(row)[dimension] * scale;
    }
}
