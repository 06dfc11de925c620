using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// Rows by value, for values of every kind. Each kind has a section of its own, because values of different kinds never
/// match each other; whole numbers and others are two, so that both keep their full precision.
/// </summary>
internal sealed class PostingTable
{
    private readonly PostingSection _integers;
    private readonly PostingSection _reals;
    private readonly PostingSection _texts;
    private readonly PostingSection _others;

    private PostingTable(Builder builder, int rowCount)
    {
        _integers = builder.Integers.Build(rowCount);
        _reals = builder.Reals.Build(rowCount);
        _texts = builder.Texts.Build(rowCount);
        _others = builder.Others.Build(rowCount);
    }

    public long Bytes => _integers.Bytes + _reals.Bytes + _texts.Bytes + _others.Bytes;

    /// <summary>Adds the rows that have null, false or true.</summary>
    public void AddKind(ValueKind kind, RowBitmap target) => _others.AddTerm((long)kind, target);

    /// <summary>Adds the rows that have the number.</summary>
    public void AddNumber(ValueKind kind, long bits, RowBitmap target)
    {
        if (kind == ValueKind.Integer)
            _integers.AddTerm(bits, target);
        else
            _reals.AddTerm(RealKey(bits), target);
    }

    /// <summary>Adds the rows that have the string of this rank.</summary>
    public void AddText(int rank, RowBitmap target) => _texts.AddTerm(rank, target);

    /// <summary>Adds the rows whose number stands in the relation to the value.</summary>
    public void AddNumbers(FilterOperator comparison, FilterValue value, RowBitmap target)
    {
        AddRange(
            _integers, comparison, key => JsonNumber.Compare(ValueKind.Integer, key, value.Kind, value.Bits), target);
        AddRange(
            _reals, comparison, key => JsonNumber.Compare(ValueKind.Real, RealBits(key), value.Kind, value.Bits),
            target);
    }

    /// <summary>Adds the rows whose string stands in the relation.</summary>
    /// <param name="comparison">The relation.</param>
    /// <param name="compare">The string of a rank against the value sought.</param>
    /// <param name="target">Takes the rows.</param>
    public void AddTexts(FilterOperator comparison, Func<long, int> compare, RowBitmap target) =>
        AddRange(_texts, comparison, compare, target);

    private static void AddRange(
        PostingSection section, FilterOperator comparison, Func<long, int> compare, RowBitmap target)
    {
        switch (comparison)
        {
            case FilterOperator.Greater:
                section.AddTerms(section.FirstAbove(compare, 0), section.Terms, target);
                break;
            case FilterOperator.GreaterOrEqual:
                section.AddTerms(section.FirstAbove(compare, -1), section.Terms, target);
                break;
            case FilterOperator.Less:
                section.AddTerms(0, section.FirstAbove(compare, -1), target);
                break;
            default:
                section.AddTerms(0, section.FirstAbove(compare, 0), target);
                break;
        }
    }

    /// <summary>The bits of a double in the order of the doubles, and back: the same turn undoes itself.</summary>
    private static long RealKey(long bits) => bits ^ (bits >> 63 & long.MaxValue);

    private static long RealBits(long key) => RealKey(key);

    /// <summary>Collects values with their rows.</summary>
    internal sealed class Builder
    {
        public Pairs Integers { get; } = new();

        public Pairs Reals { get; } = new();

        public Pairs Texts { get; } = new();

        public Pairs Others { get; } = new();

        /// <param name="kind">The value's kind.</param>
        /// <param name="bits">The value, of a string its number in the column.</param>
        /// <param name="ranks">The place of each numbered string in their order.</param>
        /// <param name="row">The row that has it.</param>
        public void Add(ValueKind kind, long bits, int[] ranks, int row)
        {
            switch (kind)
            {
                case ValueKind.Integer:
                    Integers.Add(bits, row);
                    break;
                case ValueKind.Real:
                    Reals.Add(RealKey(bits), row);
                    break;
                case ValueKind.Text:
                    Texts.Add(ranks[bits], row);
                    break;
                case ValueKind.Null or ValueKind.False or ValueKind.True:
                    Others.Add((long)kind, row);
                    break;
            }
        }

        public PostingTable Build(int rowCount) => new(this, rowCount);
    }

    /// <summary>Keys and rows, side by side.</summary>
    internal sealed class Pairs
    {
        private readonly List<long> _keys = [];
        private readonly List<int> _rows = [];

        public void Add(long key, int row)
        {
            _keys.Add(key);
            _rows.Add(row);
        }

        public PostingSection Build(int rowCount) => new([.. _keys], [.. _rows], rowCount);
    }
}
