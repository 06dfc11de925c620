using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Tries codes on a sample: looks for the nearest of some rows among the others, by floats and by codes. Searches keep
/// more candidates by codes than they return and order them by floats; so many are looked at here too.
/// </summary>
internal static unsafe class CodeTrial
{
    /// <summary>Rows among which neighbours are looked for, and rows that ask.</summary>
    private const int RowsMax = 2_000;
    private const int QueriesMax = 64;
    private const int Nearest = 10;

    /// <summary>Share of the true neighbours that the candidates must hold. Who asks for signs knows that they are
    /// coarse: they are refused where they tell nothing.</summary>
    private const double RecallMin = 0.8;
    private const double RecallOfSignsMin = 0.5;

    public static bool Serves(CodeGrid grid, RowTable rows, int count)
    {
        var sample = Sample(count, RowsMax);
        using var codes = new NativeBlock((nuint)((sample.Length + 1L) * grid.KernelBytes), hugePages: false);
        using var query = new NativeBlock((nuint)grid.QueryBytes, hugePages: false);
        new Span<byte>(codes.Pointer + (long)sample.Length * grid.KernelBytes, grid.KernelBytes).Clear();
        var terms = new int[sample.Length];
        for (var i = 0; i < sample.Length; i++)
        {
            var code = codes.Pointer + (long)i * grid.KernelBytes;
            terms[i] = grid.Encode(rows.Vector(sample[i]), rows.Scale(sample[i]), code);
        }

        var scorer = new RowScorer(rows, DistanceScorer.For(rows.Metric));
        var queries = Math.Min(QueriesMax, sample.Length);
        var nearest = Math.Min(Nearest, sample.Length);
        var candidates = Math.Min(CandidatesOf(grid.Form), sample.Length);
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
                var product = grid.Scorer.Pair(code, coded.Code, grid.KernelBytes);
                byFloats[i] = (scorer.Score(question, sample[i]), i);
                byCodes[i] = (coded.Distance(product, terms[i]), i);
            }

            Array.Sort(byFloats);
            Array.Sort(byCodes);

            // By distance, not by place: equal rows may stand in for each other.
            var bound = byFloats[nearest - 1].Distance;
            var held = 0;
            for (var i = 0; i < candidates; i++)
            {
                if (scorer.Score(question, sample[byCodes[i].Place]) <= bound)
                    held++;
            }

            found += Math.Min(held, nearest);
        }

        return found >= queries * nearest * (grid.Form == CodeForm.One ? RecallOfSignsMin : RecallMin);
    }

    /// <summary>Rows spread evenly: without chance, so that a build repeated gives the same grid.</summary>
    public static int[] Sample(int count, int most)
    {
        var size = Math.Min(count, most);
        var sample = new int[size];
        for (var i = 0; i < size; i++)
            sample[i] = (int)((long)i * count / size);
        return sample;
    }

    /// <summary>Seven bits have to find the nearest by themselves; of fewer bits a search takes several times as many
    /// as it returns (see <see cref="Oversampling"/>).</summary>
    private static int CandidatesOf(CodeForm form) => form switch
    {
        CodeForm.Seven => Nearest,
        CodeForm.Four => 4 * Nearest,
        _ => 12 * Nearest,
    };
}
