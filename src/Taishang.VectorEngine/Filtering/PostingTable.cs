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

    public bool IsEmpty => _integers.Terms + _reals.Terms + _texts.Terms + _others.Terms == 0;

    /// <summary>Gives the rows that have null, false or true.</summary>
    public void GiveKind(ValueKind kind, PostingSink sink) => _others.Give((long)kind, sink);

    /// <summary>Gives the rows that have the number.</summary>
    public void GiveNumber(ValueKind kind, long bits, PostingSink sink)
    {
        if (kind == ValueKind.Integer)
            _integers.Give(bits, sink);
        else
            _reals.Give(RealKey(bits), sink);
    }

    /// <summary>Gives the rows that have the string of this rank.</summary>
    public void GiveText(int rank, PostingSink sink) => _texts.Give(rank, sink);

    /// <summary>Gives the rows that have a value for which all the comparisons hold.</summary>
    /// <param name="conditions">Comparisons of an order.</param>
    /// <param name="textOf">The string of a rank.</param>
    /// <param name="sink">Takes the rows.</param>
    public void GiveBetween(IReadOnlyList<ConditionNode> conditions, Func<long, string> textOf, PostingSink sink)
    {
        // Strings and numbers are never both.
        var texts = conditions.Count(condition => condition.Values[0].Kind == ValueKind.Text);
        if (texts == conditions.Count)
        {
            GiveBetween(
                _texts, conditions, (key, value) => string.CompareOrdinal(textOf(key), value.Text), sink);
        }

        if (texts > 0)
            return;

        GiveBetween(
            _integers,
            conditions,
            (key, value) => JsonNumber.Compare(ValueKind.Integer, key, value.Kind, value.Bits),
            sink);
        GiveBetween(
            _reals,
            conditions,
            (key, value) => JsonNumber.Compare(ValueKind.Real, RealBits(key), value.Kind, value.Bits),
            sink);
    }

    private static void GiveBetween(
        PostingSection section,
        IReadOnlyList<ConditionNode> conditions,
        Func<long, FilterValue, int> compare,
        PostingSink sink)
    {
        var start = 0;
        var end = section.Terms;
        foreach (var condition in conditions)
        {
            var value = condition.Values[0];
            int Above(int least) => section.FirstAbove(key => compare(key, value), least);
            switch (condition.Operator)
            {
                case FilterOperator.Greater:
                    start = Math.Max(start, Above(0));
                    break;
                case FilterOperator.GreaterOrEqual:
                    start = Math.Max(start, Above(-1));
                    break;
                case FilterOperator.Less:
                    end = Math.Min(end, Above(-1));
                    break;
                default:
                    end = Math.Min(end, Above(0));
                    break;
            }
        }

        section.Give(start, end, sink);
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
