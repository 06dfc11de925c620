using System.Text.Json;

namespace Taishang.VectorEngine.Filtering;

/// <summary>The value that a row is grouped by, comparable within one table alone: strings are numbered.</summary>
internal readonly record struct RowGroup(ValueKind Kind, long Bits);

/// <summary>A group's value, comparable across tables.</summary>
internal readonly record struct GroupValue(ValueKind Kind, long Bits, string? Text)
{
    public byte[] ToJson() => Kind switch
    {
        ValueKind.Text => JsonSerializer.SerializeToUtf8Bytes(Text),
        ValueKind.Integer => JsonSerializer.SerializeToUtf8Bytes(Bits),
        ValueKind.Real => JsonSerializer.SerializeToUtf8Bytes(BitConverter.Int64BitsToDouble(Bits)),
        _ => JsonSerializer.SerializeToUtf8Bytes(Kind == ValueKind.True),
    };
}

/// <summary>One field as what rows are grouped by, for the rows of a snapshot.</summary>
internal readonly struct GroupColumn
{
    private readonly FieldColumn _column;
    private readonly ColumnView _view;

    private GroupColumn(FieldColumn column, ColumnView view)
    {
        _column = column;
        _view = view;
    }

    public static GroupColumn Of(ColumnCache columns, string field, int rows)
    {
        var column = columns.Column(field);
        return new GroupColumn(column, column.View(columns.Table, rows));
    }

    /// <summary>False when the row belongs to no group.</summary>
    public bool TryGroup(int row, out RowGroup group)
    {
        var kind = _view.Kinds[row];
        group = new RowGroup(kind, _view.Bits[row]);
        return kind is ValueKind.Text or ValueKind.Integer or ValueKind.Real or ValueKind.True or ValueKind.False;
    }

    public GroupValue ValueOf(RowGroup group) =>
        new(group.Kind, group.Kind == ValueKind.Text ? 0 : group.Bits,
            group.Kind == ValueKind.Text ? _view.Texts[group.Bits] : null);

    /// <summary>The group of a value that may come from another table; a group that no row has when none has it here.
    /// </summary>
    public RowGroup GroupOf(GroupValue value) =>
        new(value.Kind, value.Text is { } text ? _column.CodeOf(text) : value.Bits);
}
