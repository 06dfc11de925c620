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

    /// <summary>Adds the rows of the index that the condition holds for.</summary>
    public void AddMatches(ConditionNode condition, FieldColumn column, RowBitmap target)
    {
        switch (condition.Operator)
        {
            case FilterOperator.Exists:
                target.OrPrefix(_present);
                break;
            case FilterOperator.In:
                AddEqual(_plain, condition, column, target);
                AddEqual(_elements, condition, column, target);
                break;
            case FilterOperator.Contains:
                AddEqual(_elements, condition, column, target);
                AddHolding(condition.Values[0], target);
                break;
            default:
                AddOrdered(_plain, condition, target);
                AddOrdered(_elements, condition, target);
                break;
        }
    }

    private void AddEqual(PostingTable postings, ConditionNode condition, FieldColumn column, RowBitmap target)
    {
        foreach (var value in condition.Values)
        {
            switch (value.Kind)
            {
                case ValueKind.Text:
                    // A string that only rows behind the index have has no rank.
                    var code = column.CodeOf(value.Text!);
                    if ((uint)code < (uint)_ranks.Length)
                        postings.AddText(_ranks[code], target);
                    break;
                case ValueKind.Integer or ValueKind.Real:
                    postings.AddNumber(value.Kind, value.Bits, target);
                    break;
                default:
                    postings.AddKind(value.Kind, target);
                    break;
            }
        }
    }

    /// <summary>Plain strings that have the value as a part: each different one is looked at.</summary>
    private void AddHolding(FilterValue value, RowBitmap target)
    {
        if (value.Kind != ValueKind.Text)
            return;

        for (var code = 0; code < _ranks.Length; code++)
        {
            if (_texts[code].Contains(value.Text!, StringComparison.Ordinal))
                _plain.AddText(_ranks[code], target);
        }
    }

    private void AddOrdered(PostingTable postings, ConditionNode condition, RowBitmap target)
    {
        var value = condition.Values[0];
        if (value.Kind == ValueKind.Text)
        {
            postings.AddTexts(
                condition.Operator,
                rank => string.CompareOrdinal(_texts[_codesByRank[rank]], value.Text),
                target);
        }
        else
        {
            postings.AddNumbers(condition.Operator, value, target);
        }
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
