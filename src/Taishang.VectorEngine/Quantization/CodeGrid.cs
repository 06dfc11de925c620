using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Rounds vectors to codes of a few bits a component, such that the order of distances comes from one whole-number
/// product of a row's code with a query. Queries keep more bits than rows: they are rounded once, rows are stored.
/// Cosine codes unit vectors, so that its order is that of their distance.
/// </summary>
internal abstract unsafe class CodeGrid(DistanceMetric metric, CodeForm form, float[] offsets)
{
    /// <summary>The largest code of seven bits, and the largest component of a query: see
    /// <see cref="Avx2CodeKernel"/>.</summary>
    public const int CodeMax = 127;

    /// <summary>Terms are kept to a range in which no sum of them overflows.</summary>
    protected const int TermMax = 1 << 29;

    public DistanceMetric Metric { get; } = metric;

    public CodeForm Form { get; } = form;

    /// <summary>The kernel of this form on this machine.</summary>
    public CodeScorer Scorer { get; } = CodeScorer.For(form);

    /// <summary>Per dimension the value of code 0.</summary>
    public ReadOnlySpan<float> Offsets => OffsetArray;

    public int Dimensions => OffsetArray.Length;

    /// <summary>Bytes of a code.</summary>
    public int CodeBytes { get; } = CodeLayout.CodeBytes(form, offsets.Length);

    /// <summary>
    /// Bytes that kernels read of a code. Those past <see cref="CodeBytes"/> may hold anything: the query is
    /// zero there.
    /// </summary>
    public int KernelBytes { get; } = CodeLayout.KernelBytes(form, offsets.Length);

    /// <summary>Bytes of a query: one a component that a code of <see cref="KernelBytes"/> could have.</summary>
    public int QueryBytes { get; } = CodeLayout.QueryBytes(form, offsets.Length);

    protected float[] OffsetArray { get; } = offsets;

    /// <summary>Rounds a row to its code.</summary>
    /// <param name="vector">As many floats as dimensions.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="code"><see cref="CodeBytes"/> bytes.</param>
    /// <returns>The row's own term of a distance.</returns>
    public abstract int Encode(float* vector, float scale, byte* code);

    /// <summary>Rounds a query.</summary>
    /// <param name="vector">As many floats as dimensions.</param>
    /// <param name="scale">Under cosine 1/length, else unused.</param>
    /// <param name="query">Room for <see cref="QueryBytes"/>.</param>
    public abstract CodeQuery EncodeQuery(float* vector, float scale, sbyte* query);

    /// <summary>Under dot, what two rows' negative product of <see cref="QueryOfRow"/> lacks, half of each row's, to be
    /// half the squared distance of the vectors that their codes stand for.</summary>
    /// <param name="code">Of the row; <see cref="KernelBytes"/> may be read.</param>
    /// <param name="term">Of the row.</param>
    public abstract float SquareOf(byte* code, int term);

    /// <summary>The question that a row asks of other rows. Distances are then those of two codes, in units that do not
    /// depend on the row, so that they may be compared across queries.</summary>
    /// <param name="code">Of the row.</param>
    /// <param name="term">Of the row.</param>
    /// <param name="query">Room for <see cref="QueryBytes"/>.</param>
    public abstract CodeQuery QueryOfRow(byte* code, int term, sbyte* query);
}

/// <summary>A query on the grid: its distance to a row is <c>bias + termWeight · term + productWeight · product</c>, in
/// whole numbers of the grid's own.</summary>
/// <param name="code">As many bytes as kernels read; lives as long as the caller's buffer.</param>
/// <param name="bias">The query's own term.</param>
/// <param name="termWeight">What the row's term counts: 0 where products alone decide.</param>
/// <param name="productWeight">What the product counts, less than 0.</param>
internal readonly unsafe struct CodeQuery(sbyte* code, int bias, int termWeight, int productWeight)
{
    /// <summary>Standard deviations of rounding beyond which two distances are taken to be in their true
    /// order.</summary>
    private const float DoubtDeviations = 4f;

    public sbyte* Code { get; } = code;

    /// <summary>What turns the whole number into an engine distance: <c>Shift + Factor · distance</c>.</summary>
    public float Factor { get; init; } = 1;

    public float Shift { get; init; }

    /// <summary>What no engine distance is below, though rounded ones may come out there.</summary>
    public float Least { get; init; } = float.NegativeInfinity;

    /// <summary>Of one component's rounding, the query's and a row's together, in squared steps; infinite where it is
    /// not known.</summary>
    public float ErrorVariance { get; init; } = float.PositiveInfinity;

    /// <summary>
    /// How much farther than <paramref name="distance"/> a code may seem and its row yet be nearer. A component's error
    /// e moves a squared distance by 2(a − b)e, so that all together deviate by 2·√(distance · variance); of two
    /// distances the errors are independent.
    /// </summary>
    public float Doubt(float distance) =>
        DoubtDeviations * 2f * MathF.Sqrt(2f * Math.Max(1f, distance) * ErrorVariance);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Distance(int product, int term) => bias + termWeight * term + productWeight * product;

    /// <summary>The engine distance that codes tell, as near as their rounding lets it.</summary>
    public float Estimate(float distance) => Math.Max(Least, Shift + Factor * distance);
}
