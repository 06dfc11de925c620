using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// The first rows of a column turned round: for each value the rows that have it, so that a condition costs what it
/// matches and not a look at every row. Made from a view and never changed; rows behind it are looked at one by one.
/// <para>
/// Plain values and elements of arrays are kept apart, because $contains means another thing for each.
/// </para>
/// </summary>
internal sealed class FieldIndex
{
    private readonly string[] _texts;
    private readonly PostingTable _plain;
    private readonly PostingTable _elements;
    private readonly RowBitmap _present;

    /// <summary>Strings by their order, and the place of each in it.</summary>
    private readonly int[] _codesByRank;

    private readonly int[] _ranks;

    public FieldIndex(ColumnView view)
    {
        Rows = view.Rows;
        _texts = view.Texts;
        _codesByRank = SortTexts(view);
        _ranks = new int[_codesByRank.Length];
        for (var rank = 0; rank < _codesByRank.Length; rank++)
            _ranks[_codesByRank[rank]] = rank;

        _present = new RowBitmap(view.Rows);
        var plain = new PostingTable.Builder();
        var elements = new PostingTable.Builder();
        for (var row = 0; row < view.Rows; row++)
        {
            var kind = view.Kinds[row];
            if (kind == ValueKind.Missing)
                continue;

            _present.Add(row);
            if (kind != ValueKind.Many)
            {
                plain.Add(kind, view.Bits[row], _ranks, row);
                continue;
            }

            var (start, end) = ColumnView.Elements(view.Bits[row]);
            for (var i = start; i < end; i++)
                elements.Add(view.ElementKinds[i], view.ElementBits[i], _ranks, row);
        }

        _plain = plain.Build(view.Rows);
        _elements = elements.Build(view.Rows);
        Bytes = _plain.Bytes + _elements.Bytes + _present.Words.Length * (long)sizeof(ulong)
            + (_codesByRank.Length + _ranks.Length) * (long)sizeof(int);
    }

    /// <summary>Rows 0 to this − 1 are in it.</summary>
    public int Rows { get; }

    public long Bytes { get; }

    /// <summary>Bytes that an index of the view may take while it is made and kept, at most about.</summary>
    public static long EstimateBytes(ColumnView view) =>
        (view.Rows + (long)view.ElementCount) * 32 + (long)view.TextCount * 24;

    /// <summary>Adds the rows of the index that a condition holds for, or several comparisons of an order all do.
    /// </summary>
    public void AddMatches(IReadOnlyList<ConditionNode> conditions, FieldColumn column, RowBitmap target) =>
        Give(conditions, column, new PostingSink(target));

    /// <summary>How many rows <see cref="AddMatches"/> would add, at most and about; found without a look at any.
    /// </summary>
    public long Estimate(IReadOnlyList<ConditionNode> conditions, FieldColumn column)
    {
        var sink = new PostingSink(null);
        Give(conditions, column, sink);
        return sink.Count;
    }

    private void Give(IReadOnlyList<ConditionNode> conditions, FieldColumn column, PostingSink sink)
    {
        var condition = conditions[0];
        switch (condition.Operator)
        {
            case FilterOperator.Exists:
                sink.Take(_present, Rows);
                break;
            case FilterOperator.In:
                GiveEqual(_plain, condition, column, sink);
                GiveEqual(_elements, condition, column, sink);
                break;
            case FilterOperator.Contains:
                GiveEqual(_elements, condition, column, sink);
                GiveHolding(condition.Values[0], sink);
                break;
            default:
                _plain.GiveBetween(conditions, TextOf, sink);
                GiveElementsBetween(conditions, sink);
                break;
        }
    }

    private string TextOf(long rank) => _texts[_codesByRank[rank]];

    private void GiveEqual(PostingTable postings, ConditionNode condition, FieldColumn column, PostingSink sink)
    {
        foreach (var value in condition.Values)
        {
            switch (value.Kind)
            {
                case ValueKind.Text:
                    // A string that only rows behind the index have has no rank.
                    var code = column.CodeOf(value.Text!);
                    if ((uint)code < (uint)_ranks.Length)
                        postings.GiveText(_ranks[code], sink);
                    break;
                case ValueKind.Integer or ValueKind.Real:
                    postings.GiveNumber(value.Kind, value.Bits, sink);
                    break;
                default:
                    postings.GiveKind(value.Kind, sink);
                    break;
            }
        }
    }

    /// <summary>Plain strings that have the value as a part: each different one is looked at, unless rows are only
    /// counted.</summary>
    private void GiveHolding(FilterValue value, PostingSink sink)
    {
        if (value.Kind != ValueKind.Text)
            return;

        if (!sink.IsFilling)
        {
            sink.Take(_present, Rows);
            return;
        }

        for (var code = 0; code < _ranks.Length; code++)
        {
            if (_texts[code].Contains(value.Text!, StringComparison.Ordinal))
                _plain.GiveText(_ranks[code], sink);
        }
    }

    /// <summary>Of an array one element may be above the one bound and another below the other.</summary>
    private void GiveElementsBetween(IReadOnlyList<ConditionNode> conditions, PostingSink sink)
    {
        if (_elements.IsEmpty)
            return;

        if (conditions.Count == 1 || !sink.IsFilling)
        {
            foreach (var condition in conditions)
                _elements.GiveBetween([condition], TextOf, sink);
            return;
        }

        RowBitmap? all = null;
        foreach (var condition in conditions)
        {
            var some = new RowBitmap(Rows);
            _elements.GiveBetween([condition], TextOf, new PostingSink(some));
            if (all is null)
                all = some;
            else
                all.And(some);
        }

        sink.Take(all!, Rows);
    }

    private static int[] SortTexts(ColumnView view)
    {
        var codes = new int[view.TextCount];
        for (var code = 0; code < codes.Length; code++)
            codes[code] = code;
        Array.Sort(codes, (left, right) => string.CompareOrdinal(view.Texts[left], view.Texts[right]));
        return codes;
    }
}
