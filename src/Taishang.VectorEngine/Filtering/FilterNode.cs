namespace Taishang.VectorEngine.Filtering;

/// <summary>A parsed filter.</summary>
internal abstract record FilterNode;

/// <summary>All parts hold; of no parts, everything matches.</summary>
internal sealed record AndNode(IReadOnlyList<FilterNode> Parts) : FilterNode;

/// <summary>Any part holds.</summary>
internal sealed record OrNode(IReadOnlyList<FilterNode> Parts) : FilterNode;

/// <summary>The part does not hold.</summary>
internal sealed record NotNode(FilterNode Part) : FilterNode;

/// <summary>A field compared with one value or several.</summary>
internal sealed record ConditionNode(string Field, FilterOperator Operator, IReadOnlyList<FilterValue> Values)
    : FilterNode
{
    /// <summary>Whether it asks for a place in an order.</summary>
    public bool IsOrdered => Operator is FilterOperator.Greater or FilterOperator.GreaterOrEqual
        or FilterOperator.Less or FilterOperator.LessOrEqual;
}

/// <summary>Comparisons of a field; their negations are <see cref="NotNode"/>s.</summary>
internal enum FilterOperator
{
    In,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Exists,
    Contains,
}

/// <summary>The kind of a value in metadata. The numbers order nothing; Missing is zero so that new columns start
/// empty.</summary>
internal enum ValueKind : byte
{
    Missing,
    Null,
    False,
    True,
    Integer,
    Real,
    Text,

    /// <summary>An object, or an array inside an array: it exists, but equals nothing.</summary>
    Opaque,

    /// <summary>Any number of values: an array, or a path that leads through one.</summary>
    Many,
}

/// <summary>A scalar written in a filter.</summary>
internal readonly record struct FilterValue(ValueKind Kind, long Bits, string? Text)
{
    /// <summary>Whether it has an order: numbers and strings do.</summary>
    public bool IsOrdered => Kind is ValueKind.Integer or ValueKind.Real or ValueKind.Text;
}
