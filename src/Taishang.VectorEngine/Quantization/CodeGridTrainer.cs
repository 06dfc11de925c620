using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Lays the grid over a sample of the rows, and tries it: where the nearest of the sample by codes are not those by
/// floats (one component dwarfs the others, say), there is no grid, and walks compare floats.
/// </summary>
internal static unsafe class CodeGridTrainer
{
    /// <summary>Rows looked at to lay the grid.</summary>
    private const int SampleRowsMax = 4_096;

    /// <summary>Rows among which the trial looks for neighbours, and rows that it asks for.</summary>
    private const int TrialRowsMax = 2_000;
    private const int TrialQueriesMax = 64;
    private const int TrialNearest = 10;

    /// <summary>
    /// Share of the true neighbours that the same number of nearest codes must hold. Walks keep several times as many
    /// candidates as they return and order them by floats, so that this much leaves nothing out.
    /// </summary>
    private const double TrialRecallMin = 0.8;

    /// <summary>Components outside of the grid that are rounded to its edge, of a million.</summary>
    private const int OutsidePerMillion = 250;

    /// <summary>The grid for the first <paramref name="count"/> rows; null when codes do not serve them.</summary>
    public static CodeGrid? Train(RowTable rows, int count)
    {
        if (count == 0)
            return null;

        var grid = Lay(rows, Sample(count, SampleRowsMax));
        return grid is not null && Serves(grid, rows, Sample(count, TrialRowsMax)) ? grid : null;
    }

    private static CodeGrid? Lay(RowTable rows, int[] sample)
    {
        var dimensions = rows.Dimensions;
        var values = new float[sample.Length];
        var offsets = new float[dimensions];
        var range = 0f;
        var outside = (int)((long)sample.Length * OutsidePerMillion / 1_000_000);
        for (var dimension = 0; dimension < dimensions; dimension++)
        {
            for (var i = 0; i < sample.Length; i++)
                values[i] = Component(rows, sample[i], dimension);
            Array.Sort(values);
            offsets[dimension] = values[outside];
            range = Math.Max(range, values[values.Length - 1 - outside] - values[outside]);
        }

        // All rows equal, or so far apart that float32 cannot tell the steps.
        var step = range / CodeGrid.CodeMax;
        return float.IsNormal(step) && float.IsFinite(1f / step)
            ? new CodeGrid(rows.Metric, offsets, step)
            : null;
    }

    private static float Component(RowTable rows, int row, int dimension)
    {
        var scale = rows.Metric == DistanceMetric.Cosine ? rows.Scale(row) : 1f;
        return rows.Vector(row)[dimension] * scale;
    }

    private static bool Serves(CodeGrid grid, RowTable rows, int[] sample)
    {
        using var codes = new NativeBlock((nuint)((sample.Length + 1L) * grid.KernelBytes), hugePages: false);
        using var query = new NativeBlock((nuint)grid.KernelBytes, hugePages: false);
        new Span<byte>(codes.Pointer + (long)sample.Length * grid.KernelBytes, grid.KernelBytes).Clear();
        var terms = new int[sample.Length];
        for (var i = 0; i < sample.Length; i++)
        {
            var code = codes.Pointer + (long)i * grid.KernelBytes;
            terms[i] = grid.Encode(rows.Vector(sample[i]), rows.Scale(sample[i]), code);
        }

        var scorer = new RowScorer(rows, DistanceScorer.For(rows.Metric));
        var queries = Math.Min(TrialQueriesMax, sample.Length);
        var nearest = Math.Min(TrialNearest, sample.Length);
        var byFloats = new (float Distance, int Place)[sample.Length];
        var byCodes = new (float Distance, int Place)[sample.Length];
        var found = 0;
        for (var q = 0; q < queries; q++)
        {
            var row = sample[(int)((long)q * sample.Length / queries)];
            var question = scorer.QueryOf(row);
            var coded = grid.EncodeQuery(rows.Vector(row), rows.Scale(row), (sbyte*)query.Pointer);
            for (var i = 0; i < sample.Length; i++)
            {
                var code = codes.Pointer + (long)i * grid.KernelBytes;
                var product = CodeScorer.Best.Pair(code, coded.Code, grid.KernelBytes);
                byFloats[i] = (scorer.Score(question, sample[i]), i);
                byCodes[i] = (coded.Distance(product, terms[i]), i);
            }

            Array.Sort(byFloats);
            Array.Sort(byCodes);

            // By distance, not by place: equal rows may stand in for each other.
            var bound = byFloats[nearest - 1].Distance;
            for (var i = 0; i < nearest; i++)
            {
                if (scorer.Score(question, sample[byCodes[i].Place]) <= bound)
                    found++;
            }
        }

        return found >= queries * nearest * TrialRecallMin;
    }

    /// <summary>Rows spread evenly: without chance, so that a build repeated gives the same grid.</summary>
    private static int[] Sample(int count, int most)
    {
        var size = Math.Min(count, most);
        var sample = new int[size];
        for (var i = 0; i < size; i++)
            sample[i] = (int)((long)i * count / size);
        return sample;
    }
}
