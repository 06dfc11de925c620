using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// The grid on which vectors are rounded to codes of 7 bits: one offset a dimension, one step for all. Because the step
/// is shared, distances of two codes are whole numbers that one product of bytes gives, in squared steps: under l2 and
/// cosine |a|² + |b|² − 2ab of the codes, under dot the negative product of the vectors that the codes stand for, the
/// constant part left out. No error but that of the rounding remains. Cosine codes unit vectors, so that its order is
/// that of their distance.
/// </summary>
internal sealed unsafe class CodeGrid
{
    /// <summary>The largest code. Seven bits: see <see cref="Avx2CodeKernel"/>.</summary>
    public const int CodeMax = 127;

    /// <summary>Terms are kept to a range in which no sum of them overflows.</summary>
    private const int TermMax = 1 << 29;

    private readonly float[] _offsets;

    /// <param name="metric">What the codes have to tell apart.</param>
    /// <param name="offsets">The value of code 0 in each dimension.</param>
    /// <param name="step">Distance of neighbouring codes, more than zero.</param>
    public CodeGrid(DistanceMetric metric, float[] offsets, float step)
    {
        Metric = metric;
        _offsets = offsets;
        Step = step;
        KernelBytes = (offsets.Length + CodeScorer.StepBytes - 1) / CodeScorer.StepBytes * CodeScorer.StepBytes;
    }

    public DistanceMetric Metric { get; }

    public float Step { get; }

    public ReadOnlySpan<float> Offsets => _offsets;

    /// <summary>Bytes of a code: one a component.</summary>
    public int CodeBytes => _offsets.Length;

    /// <summary>
    /// Bytes that kernels read of a code. Those past <see cref="CodeBytes"/> may hold anything: the query's are zero.
    /// </summary>
    public int KernelBytes { get; }

    /// <summary>The question that a row asks of other rows, given its code with zeros past it and its term.</summary>
    public CodeQuery QueryOf(sbyte* code, int term) => Metric == DistanceMetric.Dot
        ? new CodeQuery(code, -term, -1, -1)
        : new CodeQuery(code, term, 1, -2);

    /// <summary>Rounds a row to its code.</summary>
    /// <param name="vector"><see cref="CodeBytes"/> floats.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="code"><see cref="CodeBytes"/> bytes.</param>
    /// <returns>The row's own term of a distance: the sum of the squared codes, or under dot the product of the code
    /// with the offsets, in squared steps.</returns>
    public int Encode(float* vector, float scale, byte* code)
    {
        Round(vector, Metric == DistanceMetric.Cosine ? scale : 1f, code);
        return Metric == DistanceMetric.Dot ? OffsetProduct(code) : SquaredLength(code);
    }

    /// <summary>
    /// Rounds a query. Under l2 and cosine it gets the code that a row would get. Under dot its own signed grid, on
    /// which only its direction counts.
    /// </summary>
    /// <param name="vector"><see cref="CodeBytes"/> floats.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="code"><see cref="KernelBytes"/> bytes, zero past the code.</param>
    public CodeQuery EncodeQuery(float* vector, float scale, sbyte* code)
    {
        new Span<sbyte>(code, KernelBytes).Clear();
        if (Metric != DistanceMetric.Dot)
            return QueryOf(code, Encode(vector, scale, (byte*)code));

        var largest = 0f;
        for (var i = 0; i < CodeBytes; i++)
            largest = Math.Max(largest, Math.Abs(vector[i]));
        var factor = largest > 0 ? CodeMax / largest : 0f;
        for (var i = 0; i < CodeBytes; i++)
            code[i] = (sbyte)MathF.Round(vector[i] * factor);
        return new CodeQuery(code, 0, 0, -1);
    }

    private void Round(float* vector, float scale, byte* code)
    {
        var inverseStep = 1f / Step;
        ref var offsets = ref MemoryMarshal.GetArrayDataReference(_offsets);
        for (var i = 0; i < CodeBytes; i++)
        {
            // Clamped as a float: far outside of the grid a conversion would not be defined.
            var place = (vector[i] * scale - Unsafe.Add(ref offsets, i)) * inverseStep + 0.5f;
            code[i] = (byte)Math.Min(Math.Max(place, 0f), CodeMax);
        }
    }

    private int SquaredLength(byte* code)
    {
        var sum = 0;
        for (var i = 0; i < CodeBytes; i++)
            sum += code[i] * code[i];
        return sum;
    }

    private int OffsetProduct(byte* code)
    {
        var sum = 0d;
        for (var i = 0; i < CodeBytes; i++)
            sum += (double)_offsets[i] * code[i];
        return (int)Math.Clamp(Math.Round(sum / Step), -TermMax, TermMax);
    }
}

/// <summary>A query on the grid: its distance to a row is <c>bias + termWeight · term + productWeight · product</c>,
/// in squared steps.</summary>
/// <param name="code">As many bytes as kernels read, zero past the code; lives as long as the caller's buffer.</param>
/// <param name="bias">The query's own term.</param>
/// <param name="termWeight">What the row's term counts: 0 where products alone decide (a query under dot).</param>
/// <param name="productWeight">What the product counts, less than 0.</param>
internal readonly unsafe struct CodeQuery(sbyte* code, int bias, int termWeight, int productWeight)
{
    public sbyte* Code { get; } = code;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Distance(int product, int term) => bias + termWeight * term + productWeight * product;
}
