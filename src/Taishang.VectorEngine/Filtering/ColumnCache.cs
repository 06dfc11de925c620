using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// The columns of the fields that filters asked for, of one table of rows. Bounded: when a new field comes to a full
/// cache, the column that was used longest ago is dropped and read again should it be asked for.
/// </summary>
internal sealed class ColumnCache(RowTable table)
{
    /// <summary>Columns kept; each takes about 9 bytes a row and the different strings once.</summary>
    public const int ColumnsMax = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _columns = [];
    private long _uses;

    public RowTable Table { get; } = table;

    public FieldColumn Column(string field)
    {
        lock (_lock)
        {
            if (!_columns.TryGetValue(field, out var entry))
            {
                if (_columns.Count == ColumnsMax)
                    _columns.Remove(_columns.MinBy(pair => pair.Value.LastUse).Key);

                entry = new Entry(new FieldColumn(field));
                _columns.Add(field, entry);
            }

            entry.LastUse = ++_uses;
            return entry.Column;
        }
    }

    private sealed class Entry(FieldColumn column)
    {
        public FieldColumn Column { get; } = column;

        public long LastUse { get; set; }
    }
}
