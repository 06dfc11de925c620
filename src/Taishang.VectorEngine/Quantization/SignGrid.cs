using System.Runtime.Intrinsics;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Signs: each component is above or below the middle of its dimension and stands for one of two values, the mean of
/// those above and the mean of those below. The distance of a query to a row is then a constant, a sum over the bits
/// that are set, whose summands the query brings, rounded to a byte, and a term of the row: what its squared length is
/// beyond that of the values that its bits stand for. Two rows are compared by the bits in which they differ, each
/// counting its squared width.
/// </summary>
internal sealed unsafe class SignGrid : CodeGrid
{
    /// <summary>
    /// The largest summand of a usual query, in squared widths, times the steps in which its unit is chosen: the unit
    /// of a query is a whole multiple of that of terms, so that both add up in whole numbers.
    /// </summary>
    private const int UnitsOfTerm = 3 * 8;

    /// <summary>Of a query's weight of a row's term, and of the term: their product stays far from overflow.</summary>
    private const int WeightMax = 256;
    private const int RestMax = 1 << 21;

    private readonly float[] _widths;
    private readonly sbyte[] _weights;
    private readonly float _unit;
    private readonly float _termUnit;

    /// <param name="metric">What the codes have to tell apart.</param>
    /// <param name="lows">What an unset bit of each dimension stands for.</param>
    /// <param name="widths">What a set one adds; at least one is more than zero.</param>
    public SignGrid(DistanceMetric metric, float[] lows, float[] widths)
        : base(metric, CodeForm.One, lows)
    {
        _widths = widths;
        var widest = widths.Max();
        _unit = CodeMax / widest / widest;
        _termUnit = _unit / UnitsOfTerm;
        _weights = new sbyte[QueryBytes];
        for (var i = 0; i < widths.Length; i++)
            _weights[i] = (sbyte)MathF.Round(widths[i] * widths[i] * _unit);
    }

    public ReadOnlySpan<float> Widths => _widths;

    public override int Encode(float* vector, float scale, byte* code)
    {
        var factor = Metric == DistanceMetric.Cosine ? scale : 1f;
        new Span<byte>(code, CodeBytes).Clear();
        var offsetProduct = 0d;
        var rest = 0d;
        for (var i = 0; i < Dimensions; i++)
        {
            var component = vector[i] * factor;
            double value = OffsetArray[i];
            if (component > OffsetArray[i] + _widths[i] / 2)
            {
                code[i >> 3] |= (byte)(1 << (i & 7));
                value += _widths[i];
                offsetProduct += (double)OffsetArray[i] * _widths[i];
            }

            rest += (double)component * component - value * value;
        }

        var term = Metric == DistanceMetric.Dot ? offsetProduct * _unit : rest * _termUnit;
        return (int)Math.Clamp(Math.Round(term), -RestMax, RestMax);
    }

    /// <inheritdoc />
    /// <remarks>With y = low + w·c for what the bits stand for: |q − x|² is near |q − y|² + |x|² − |y|², where
    /// |q − y|² = |q − low|² − Σ c · 2w (q − low − w/2); and qx is near q·low + Σ c · wq.</remarks>
    public override CodeQuery EncodeQuery(float* vector, float scale, sbyte* query)
    {
        new Span<sbyte>(query, QueryBytes).Clear();
        var factor = Metric == DistanceMetric.Cosine ? scale : 1f;
        var largest = 0f;
        var constant = 0d;
        for (var i = 0; i < Dimensions; i++)
        {
            var component = vector[i] * factor;
            var low = OffsetArray[i];
            largest = Math.Max(largest, Math.Abs(Summand(component, i)));
            constant += Metric == DistanceMetric.Dot
                ? -(double)component * low
                : ((double)component - low) * ((double)component - low);
        }

        var round = largest > 0 && float.IsFinite(CodeMax / largest) ? CodeMax / largest : 0f;
        var weight = (int)Math.Clamp(round / _termUnit, 1, WeightMax);
        if (Metric != DistanceMetric.Dot)
            round = weight * _termUnit;
        for (var i = 0; i < Dimensions; i++)
        {
            var summand = MathF.Round(Summand(vector[i] * factor, i) * round);
            query[i] = (sbyte)Math.Clamp(summand, -CodeMax, CodeMax);
        }

        var unit = round > 0 ? 1 / round : 0f;
        return Metric switch
        {
            DistanceMetric.Cosine => new CodeQuery(query, 0, weight, -1)
            {
                Factor = unit / 2,
                Shift = (float)(constant / 2 - 1),
                Least = -1,
            },
            DistanceMetric.L2 => new CodeQuery(query, 0, weight, -1)
            {
                Factor = unit,
                Shift = (float)constant,
                Least = 0,
            },
            _ => new CodeQuery(query, 0, 0, -1) { Factor = unit, Shift = (float)constant },
        };
    }

    public override CodeQuery QueryOfRow(byte* code, int term, sbyte* query)
    {
        // Sixteen at a time: builds do it for each node that they look at. Weights past the dimensions are zero.
        var bits = Vector128.Create(0x8040_2010_0804_0201UL).AsByte();
        var isDot = Metric == DistanceMetric.Dot;
        fixed (sbyte* weights = _weights)
        {
            for (var i = 0; i < CodeBytes; i += 2)
            {
                var spread = Vector128.Create(Vector64.Create(code[i]), Vector64.Create(code[i + 1]));
                var isSet = Vector128.Equals(spread & bits, bits).AsSByte();
                var weight = Vector128.Load(weights + 8 * i);
                var unset = isDot ? Vector128<sbyte>.Zero : -weight;
                Vector128.ConditionalSelect(isSet, weight, unset).Store(query + 8 * i);
            }

            return isDot
                ? new CodeQuery(query, -term, -1, -1)
                : new CodeQuery(query, Scorer.Pair(code, weights, KernelBytes), 0, -1);
        }
    }

    public override float SquareOf(byte* code, int term)
    {
        fixed (sbyte* weights = _weights)
            return Scorer.Pair(code, weights, KernelBytes) + 2f * term;
    }

    private float Summand(float component, int i) => Metric == DistanceMetric.Dot
        ? component * _widths[i]
        : 2 * _widths[i] * (component - OffsetArray[i] - _widths[i] / 2);
}
