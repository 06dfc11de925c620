using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Taishang.VectorEngine.Distances;

namespace Taishang.VectorEngine.Quantization;

/// <summary>
/// Even levels: one offset a dimension, one step for all. Because the step is shared, distances of two codes are whole
/// numbers that one product of bytes gives, in squared steps: under l2 and cosine |a|² + |b|² − 2ab of the codes, under
/// dot the negative product of the vectors that the codes stand for, the constant part left out. No error but that of
/// the rounding remains. Of rows with four bits a query keeps three more, an eighth of a step.
/// </summary>
internal sealed unsafe class LevelGrid : CodeGrid
{
    private const int NibbleMax = 15;

    /// <summary>Levels of a query in a step of the rows.</summary>
    private const int QueryLevels = 8;

    /// <summary>Of a component rounded to the nearest level, in squared steps: uniform between the halves.</summary>
    private const float RowErrorVariance = 1f / 12;

    private readonly int _levelMax;

    /// <param name="metric">What the codes have to tell apart.</param>
    /// <param name="form">Seven bits or four.</param>
    /// <param name="offsets">The value of code 0 in each dimension.</param>
    /// <param name="step">Distance of neighbouring codes, more than zero.</param>
    public LevelGrid(DistanceMetric metric, CodeForm form, float[] offsets, float step)
        : base(metric, form, offsets)
    {
        Step = step;
        _levelMax = LevelMax(form);
    }

    public float Step { get; }

    public static int LevelMax(CodeForm form) => form == CodeForm.Seven ? CodeMax : NibbleMax;

    /// <inheritdoc />
    /// <remarks>The term is the sum of the squared codes, or under dot the product of the code with the offsets, in
    /// squared steps.</remarks>
    public override int Encode(float* vector, float scale, byte* code)
    {
        var factor = Metric == DistanceMetric.Cosine ? scale : 1f;
        if (Form == CodeForm.Seven)
            RoundToBytes(vector, factor, code);
        else
            RoundToNibbles(vector, factor, code);
        return Metric == DistanceMetric.Dot ? OffsetProduct(code) : SquaredLength(code);
    }

    /// <inheritdoc />
    /// <remarks>Under l2 and cosine a query gets the code that a row would get, or one on a finer grid. Under dot its
    /// own signed grid, on which only its direction counts.</remarks>
    public override CodeQuery EncodeQuery(float* vector, float scale, sbyte* query)
    {
        new Span<sbyte>(query, QueryBytes).Clear();
        if (Metric == DistanceMetric.Dot)
            return EncodeDirection(vector, query);

        var factor = Metric == DistanceMetric.Cosine ? scale : 1f;
        if (Form == CodeForm.Seven)
        {
            // A query may lie off the grid, where cutting it to the grid's edge is a larger error than rounding.
            var squaredError = RoundToBytes(vector, factor, (byte*)query);
            return WithUnit(new CodeQuery(query, SquaredLength((byte*)query), 1, -2), 1) with
            {
                ErrorVariance = RowErrorVariance + squaredError / Dimensions,
            };
        }

        long squared = 0;
        var inverse = QueryLevels / Step;
        for (var i = 0; i < Dimensions; i++)
        {
            var place = (vector[i] * factor - OffsetArray[i]) * inverse + 0.5f;
            var level = (int)Math.Min(Math.Max(place, 0f), CodeMax);
            query[Place(i)] = (sbyte)level;
            squared += level * level;
        }

        // |q|² + |c|² − 2qc with q = k / 8, times 8: 8 |c|² − 2kc + |k|² / 8.
        var bias = (int)((squared + QueryLevels / 2) / QueryLevels);
        return WithUnit(new CodeQuery(query, bias, QueryLevels, -2), QueryLevels);
    }

    public override CodeQuery QueryOfRow(byte* code, int term, sbyte* query)
    {
        // In its place a code is followed by other things; a query ends in zeros.
        if (Form == CodeForm.Seven)
        {
            new ReadOnlySpan<byte>(code, CodeBytes).CopyTo(new Span<byte>(query, CodeBytes));
            new Span<sbyte>(query + CodeBytes, QueryBytes - CodeBytes).Clear();
        }
        else
        {
            new Span<sbyte>(query, QueryBytes).Clear();
            for (var start = 0; start < CodeBytes; start += CodeLayout.StepBytes)
                Unpack(code + start, query + 2 * start, Math.Min(CodeLayout.StepBytes, CodeBytes - start));
        }

        return Metric == DistanceMetric.Dot
            ? new CodeQuery(query, -term, -1, -1)
            : new CodeQuery(query, term, 1, -2);
    }

    /// <inheritdoc />
    /// <remarks>Of a = low + c the product ab = low² + low·c + low·d + cd, of which the first part is left out
    /// everywhere; so of a² too.</remarks>
    public override float SquareOf(byte* code, int term) => SquaredLength(code) + 2f * term;

    /// <summary>The lower halves of up to a step of bytes, then the upper ones.</summary>
    private static void Unpack(byte* code, sbyte* query, int bytes)
    {
        if (bytes == CodeLayout.StepBytes)
        {
            // Written out so that it becomes a few instructions: builds do it for each node that they look at.
            var packed = Vector256.Load(code);
            (packed & Vector256.Create((byte)NibbleMax)).AsSByte().Store(query);
            (packed >>> 4).AsSByte().Store(query + CodeLayout.StepBytes);
            return;
        }

        for (var i = 0; i < bytes; i++)
        {
            query[i] = (sbyte)(code[i] & NibbleMax);
            query[i + CodeLayout.StepBytes] = (sbyte)(code[i] >> 4);
        }
    }

    private CodeQuery EncodeDirection(float* vector, sbyte* query)
    {
        var largest = 0f;
        var offsets = 0d;
        for (var i = 0; i < Dimensions; i++)
        {
            largest = Math.Max(largest, Math.Abs(vector[i]));
            offsets += (double)vector[i] * OffsetArray[i];
        }

        var factor = largest > 0 ? CodeMax / largest : 0f;
        for (var i = 0; i < Dimensions; i++)
            query[Place(i)] = (sbyte)MathF.Round(vector[i] * factor);
        return new CodeQuery(query, 0, 0, -1)
        {
            Factor = largest > 0 ? Step / factor : 0f,
            Shift = (float)-offsets,
        };
    }

    /// <summary>A squared distance in squared steps, or parts of them; of unit vectors it is 2 − 2 cos.</summary>
    private CodeQuery WithUnit(CodeQuery query, int parts) => Metric == DistanceMetric.L2
        ? query with { Factor = Step * Step / parts, Least = 0 }
        : query with { Factor = Step * Step / parts / 2, Shift = -1, Least = -1 };

    /// <summary>Rounds; returns the sum of the squared errors, in squared steps.</summary>
    private float RoundToBytes(float* vector, float scale, byte* code)
    {
        var inverseStep = 1f / Step;
        ref var offsets = ref MemoryMarshal.GetArrayDataReference(OffsetArray);
        var i = 0;
        var squared = 0f;
        if (Vector128.IsHardwareAccelerated)
        {
            // Sixteen codes at a time; a code never depends on which of the two ways rounded it.
            var scales = Vector128.Create(scale);
            var inverse = Vector128.Create(inverseStep);
            var errors = Vector128<float>.Zero;
            for (; i <= CodeBytes - Vector128<byte>.Count; i += Vector128<byte>.Count)
            {
                var first = Round4(vector, ref offsets, i, scales, inverse, ref errors);
                var second = Round4(vector, ref offsets, i + 4, scales, inverse, ref errors);
                var third = Round4(vector, ref offsets, i + 8, scales, inverse, ref errors);
                var fourth = Round4(vector, ref offsets, i + 12, scales, inverse, ref errors);
                var low = Vector128.Narrow(first, second);
                var high = Vector128.Narrow(third, fourth);
                Vector128.Narrow(low, high).AsByte().Store(code + i);
            }

            squared = Vector128.Sum(errors);
        }

        for (; i < CodeBytes; i++)
        {
            // Clamped as a float: far outside of the grid a conversion would not be defined.
            var place = (vector[i] * scale - Unsafe.Add(ref offsets, i)) * inverseStep;
            var rounded = (byte)Math.Min(Math.Max(place + 0.5f, 0f), CodeMax);
            code[i] = rounded;
            squared += (place - rounded) * (place - rounded);
        }

        return squared;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Round4(
        float* vector,
        ref float offsets,
        int at,
        Vector128<float> scales,
        Vector128<float> inverse,
        ref Vector128<float> errors)
    {
        var place = (Vector128.Load(vector + at) * scales - Vector128.LoadUnsafe(ref offsets, (nuint)at)) * inverse;
        var kept = Vector128.Min(
            Vector128.Max(place + Vector128.Create(0.5f), Vector128<float>.Zero), Vector128.Create((float)CodeMax));
        var codes = Vector128.ConvertToInt32(kept);
        var error = place - Vector128.ConvertToSingle(codes);
        errors += error * error;
        return codes;
    }

    private void RoundToNibbles(float* vector, float scale, byte* code)
    {
        var inverseStep = 1f / Step;
        new Span<byte>(code, CodeBytes).Clear();
        for (var i = 0; i < Dimensions; i++)
        {
            var place = (vector[i] * scale - OffsetArray[i]) * inverseStep + 0.5f;
            var (at, shift) = CodeLayout.Nibble(i);
            code[at] |= (byte)((int)Math.Min(Math.Max(place, 0f), NibbleMax) << shift);
        }
    }

    private int Place(int component) =>
        Form == CodeForm.Seven ? component : CodeLayout.NibbleInQuery(component);

    private int Level(byte* code, int component)
    {
        if (Form == CodeForm.Seven)
            return code[component];

        var (at, shift) = CodeLayout.Nibble(component);
        return (code[at] >> shift) & NibbleMax;
    }

    private int SquaredLength(byte* code)
    {
        if (Form == CodeForm.Seven)
            return CodeScorer.SquaredLength(code, CodeBytes);

        var sum = 0;
        for (var i = 0; i < CodeBytes; i++)
            sum += (code[i] & NibbleMax) * (code[i] & NibbleMax) + (code[i] >> 4) * (code[i] >> 4);
        return sum;
    }

    private int OffsetProduct(byte* code)
    {
        var sum = 0d;
        for (var i = 0; i < Dimensions; i++)
            sum += (double)OffsetArray[i] * Level(code, i);
        return (int)Math.Clamp(Math.Round(sum / Step), -TermMax, TermMax);
    }
}
