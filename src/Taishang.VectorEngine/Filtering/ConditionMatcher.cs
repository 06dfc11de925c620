namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// One condition, prepared against one view of its column. Where there are more rows to look at than different strings,
/// each string is decided once beforehand, so that a row costs a look-up; where there are fewer, strings are decided as
/// they come.
/// </summary>
internal sealed class ConditionMatcher
{
    private readonly ConditionNode _condition;
    private readonly ColumnView _view;

    /// <summary>For each numbered string, whether a plain value of it matches; null when strings are decided as they
    /// come.</summary>
    private readonly bool[]? _texts;

    /// <summary>The same for an element of an array.</summary>
    private readonly bool[]? _elementTexts;

    /// <summary>The numbers of the strings that equal one of the condition's values.</summary>
    private readonly HashSet<int> _equalTexts = [];

    private readonly HashSet<(ValueKind Kind, long Bits)> _values = [];

    /// <param name="condition">What must hold.</param>
    /// <param name="column">Numbers the strings.</param>
    /// <param name="view">Of that column.</param>
    /// <param name="rows">Rows that will be asked about, about.</param>
    public ConditionMatcher(ConditionNode condition, FieldColumn column, ColumnView view, int rows)
    {
        _condition = condition;
        _view = view;
        if (condition.Operator is FilterOperator.In or FilterOperator.Contains)
            PrepareValues(column);
        if (condition.Operator == FilterOperator.Exists || rows < view.TextCount)
            return;

        _texts = new bool[view.TextCount];
        for (var code = 0; code < _texts.Length; code++)
            _texts[code] = HoldsText(code);
        _elementTexts = _texts;
        if (condition.Operator != FilterOperator.Contains)
            return;

        _elementTexts = new bool[view.TextCount];
        foreach (var code in _equalTexts)
            _elementTexts[code] = true;
    }

    /// <summary>Whether a present value of a row matches.</summary>
    public bool Matches(ValueKind kind, long bits)
    {
        if (_condition.Operator == FilterOperator.Exists)
            return true;
        if (kind != ValueKind.Many)
            return MatchesPlain(kind, bits);

        var (start, end) = ColumnView.Elements(bits);
        for (var i = start; i < end; i++)
        {
            if (MatchesElement(_view.ElementKinds[i], _view.ElementBits[i]))
                return true;
        }

        return false;
    }

    private bool MatchesPlain(ValueKind kind, long bits)
    {
        if (kind == ValueKind.Text)
            return _texts?[bits] ?? HoldsText((int)bits);

        return _condition.Operator switch
        {
            FilterOperator.Contains => false,
            FilterOperator.In => _values.Contains((kind, bits)),
            _ => MatchesOrder(kind, bits),
        };
    }

    private bool MatchesElement(ValueKind kind, long bits)
    {
        if (kind == ValueKind.Text)
            return _elementTexts?[bits] ?? HoldsElementText((int)bits);

        return _condition.Operator is FilterOperator.In or FilterOperator.Contains
            ? _values.Contains((kind, bits))
            : MatchesOrder(kind, bits);
    }

    private bool MatchesOrder(ValueKind kind, long bits)
    {
        var value = _condition.Values[0];
        return kind is ValueKind.Integer or ValueKind.Real
            && value.Kind is ValueKind.Integer or ValueKind.Real
            && Holds(JsonNumber.Compare(kind, bits, value.Kind, value.Bits));
    }

    private bool HoldsElementText(int code) =>
        _condition.Operator == FilterOperator.Contains ? _equalTexts.Contains(code) : HoldsText(code);

    private bool HoldsText(int code)
    {
        if (_condition.Operator == FilterOperator.In)
            return _equalTexts.Contains(code);

        var value = _condition.Values[0];
        if (value.Kind != ValueKind.Text)
            return false;

        var text = _view.Texts[code];
        return _condition.Operator == FilterOperator.Contains
            ? text.Contains(value.Text!, StringComparison.Ordinal)
            : Holds(string.CompareOrdinal(text, value.Text));
    }

    private bool Holds(int comparison) => _condition.Operator switch
    {
        FilterOperator.Greater => comparison > 0,
        FilterOperator.GreaterOrEqual => comparison >= 0,
        FilterOperator.Less => comparison < 0,
        _ => comparison <= 0,
    };

    private void PrepareValues(FieldColumn column)
    {
        foreach (var value in _condition.Values)
        {
            if (value.Kind != ValueKind.Text)
            {
                _values.Add((value.Kind, value.Bits));
                continue;
            }

            // A string that only rows behind this view have may carry a number past its end.
            var code = column.CodeOf(value.Text!);
            if ((uint)code < (uint)_view.TextCount)
                _equalTexts.Add(code);
        }
    }
}
