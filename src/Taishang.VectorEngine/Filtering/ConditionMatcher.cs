namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// One condition, prepared against one view of its column: what can be decided once (each different string, the set of
/// numbers) is decided here, so that a row costs a look-up.
/// </summary>
internal sealed class ConditionMatcher
{
    private readonly ConditionNode _condition;
    private readonly ColumnView _view;

    /// <summary>For each numbered string, whether a plain value of it matches.</summary>
    private readonly bool[] _texts;

    /// <summary>For each numbered string, whether an array element of it matches.</summary>
    private readonly bool[] _elementTexts;

    private readonly HashSet<(ValueKind Kind, long Bits)> _values = [];

    public ConditionMatcher(ConditionNode condition, FieldColumn column, ColumnView view)
    {
        _condition = condition;
        _view = view;
        _texts = new bool[view.TextCount];
        _elementTexts = _texts;
        switch (condition.Operator)
        {
            case FilterOperator.Exists:
                break;
            case FilterOperator.In:
                PrepareValues(column, _texts);
                break;
            case FilterOperator.Contains:
                _elementTexts = new bool[view.TextCount];
                PrepareValues(column, _elementTexts);
                PrepareTexts(text => text.Contains(condition.Values[0].Text!, StringComparison.Ordinal));
                break;
            default:
                PrepareTexts(text => Holds(string.CompareOrdinal(text, condition.Values[0].Text)));
                break;
        }
    }

    /// <summary>Whether a present value of a row matches.</summary>
    public bool Matches(ValueKind kind, long bits)
    {
        if (_condition.Operator == FilterOperator.Exists)
            return true;
        if (kind != ValueKind.Many)
            return MatchesPlain(kind, bits);

        var start = (int)(bits >> 32);
        var end = start + (int)(uint)bits;
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
            return _texts[bits];

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
            return _elementTexts[bits];

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

    private bool Holds(int comparison) => _condition.Operator switch
    {
        FilterOperator.Greater => comparison > 0,
        FilterOperator.GreaterOrEqual => comparison >= 0,
        FilterOperator.Less => comparison < 0,
        _ => comparison <= 0,
    };

    private void PrepareValues(FieldColumn column, bool[] texts)
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
            if ((uint)code < (uint)texts.Length)
                texts[code] = true;
        }
    }

    private void PrepareTexts(Func<string, bool> matches)
    {
        if (_condition.Values[0].Kind != ValueKind.Text)
            return;

        for (var code = 0; code < _texts.Length; code++)
            _texts[code] = matches(_view.Texts[code]);
    }
}
