using System.Runtime.InteropServices;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Rows under dot as points among which distances obey a metric: each gets one more component, √(R² − |x|²), so that
/// all are equally long and the nearer of two is the one of the larger product (Bachrach et al. 2014). Only builds look
/// at rows in this way; searches order by the product itself.
/// <para>
/// R is laid when a graph is begun. A row longer than R gets a component of zero and is farther from the others than
/// its product says; distances stay those of a metric, so a row may have any length. Such rows are found by the
/// links that the product chooses (see <see cref="HnswBuilder{TNear,TAnswer}"/>). Codes do not follow so far: rows much
/// longer than all that the graph was begun with are cut to the edge of the grid, and just they are the answers. A few
/// are put in order by floats; when more have come, the graph is outgrown.
/// </para>
/// </summary>
/// <param name="squaredRadius">R², in the units in which the graph compares nodes and from the same zero.</param>
/// <param name="longestSquare">The squared length of the longest row that the graph was begun with.</param>
internal sealed unsafe class ProductLift(float squaredRadius, float longestSquare)
{
    /// <summary>A row is much longer than the longest when its square is so many times as large.</summary>
    private const float MuchLongerSquare = 1.5f;

    /// <summary>Much longer rows that a graph bears in any case, as many as a search puts in order.</summary>
    private const int MuchLongerMin = 16;

    /// <summary>And one more in so many.</summary>
    private const int MuchLongerOneIn = 1_024;

    /// <summary>Rows looked at.</summary>
    private const int SampleRowsMax = 4_096;

    /// <summary>One in so many may be longer than R: a few rows far longer than all others would make the others'
    /// components alike, and then they tell nothing.</summary>
    private const int LongerOneIn = 100;

    private int _muchLonger;

    public float SquaredRadius { get; } = squaredRadius;

    public float LongestSquare { get; } = longestSquare;

    /// <summary>Rows met so far that are much longer than the longest.</summary>
    public int MuchLonger
    {
        get => Volatile.Read(ref _muchLonger);
        init => _muchLonger = value;
    }

    /// <summary>Lays R over a sample of the first rows.</summary>
    public static ProductLift Over(RowTable rows, int count, CodeGrid? grid)
    {
        if (count == 0)
            return new ProductLift(0, 0);

        using var code = new NativeBlock((nuint)(grid?.KernelBytes ?? 1), hugePages: false);
        var sample = CodeTrial.Sample(count, SampleRowsMax);
        var squares = Array.ConvertAll(sample, row => Square(rows, row, grid, code.Pointer));
        Array.Sort(squares);
        var longest = 0d;
        for (var row = 0; row < count; row++)
            longest = Math.Max(longest, RowTable.SquaredLength(rows.VectorSpan(row)));
        return new ProductLift(squares[squares.Length - 1 - squares.Length / LongerOneIn], (float)longest);
    }

    /// <summary>The point of a row, which is counted if it is much longer than those before it.</summary>
    /// <param name="vector">As it was written.</param>
    /// <param name="square">In the graph's units; null where they are those of the vector.</param>
    public LiftedPoint Of(ReadOnlySpan<float> vector, float? square)
    {
        var length = (float)RowTable.SquaredLength(vector);
        if (length > MuchLongerSquare * LongestSquare)
            Interlocked.Increment(ref _muchLonger);
        var own = square ?? length;
        return new LiftedPoint(own, MathF.Sqrt(Math.Max(0f, SquaredRadius - own)));
    }

    /// <summary>Whether a graph of so many rows should be begun anew.</summary>
    public bool IsOutgrown(int rows) => MuchLonger > MuchLongerMin + rows / MuchLongerOneIn;

    private static float Square(RowTable rows, int row, CodeGrid? grid, byte* code)
    {
        if (grid is null)
            return (float)RowTable.SquaredLength(rows.VectorSpan(row));

        var term = grid.Encode(rows.Vector(row), rows.Scale(row), code);
        return grid.SquareOf(code, term);
    }
}

/// <summary>What a node under dot keeps beside its code.</summary>
/// <param name="Square">Of its vector: what makes half a squared distance of a negative product.</param>
/// <param name="Lift">The component that it has more.</param>
[StructLayout(LayoutKind.Sequential)]
internal readonly record struct LiftedPoint(float Square, float Lift);
