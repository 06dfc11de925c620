using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// The columns of the fields that filters asked for, of one table of rows, and the indexes of those that they ask for
/// again and again.
/// <para>
/// All is chosen by use and bounded. When a new field comes to a full cache, the column that was used longest ago is
/// dropped and read again should it be asked for. A field gets an index with its <see cref="UsesBeforeIndex"/>th use; a
/// small one at once, a larger one from a thread of its own while filters go on without it. The index is made anew when
/// enough rows have come behind it. It goes when other fields were asked for <see cref="UsesKept"/> times meanwhile,
/// or when the indexes take more than <see cref="IndexBytesMax"/> and it is the one used longest ago.
/// </para>
/// </summary>
internal sealed class ColumnCache(RowTable table)
{
    /// <summary>Columns kept; each takes about 9 bytes a row and the different strings once.</summary>
    public const int ColumnsMax = 64;

    /// <summary>Conditions on a field before it is worth an index, which costs about as much as these do without it.
    /// </summary>
    public const int UsesBeforeIndex = 16;

    /// <summary>Rows below which looking at each is as quick.</summary>
    public const int IndexRowsMin = 2_048;

    /// <summary>Rows up to which an index is made by the filter that asks: it takes milliseconds.</summary>
    public const int IndexRowsAtOnce = 16_384;

    /// <summary>Rows behind an index, as a share of its own (one in so many), at which it is made anew.</summary>
    public const int TailShare = 8;

    /// <summary>Conditions on other fields after which an index has had no use for too long.</summary>
    public const int UsesKept = 10_000;

    /// <summary>Bytes of the indexes of one table together.</summary>
    public const long IndexBytesMax = 256L << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _columns = [];
    private readonly long _indexBytesMax = IndexBytesMax;
    private Task _building = Task.CompletedTask;
    private long _uses;

    /// <summary>A cache with a bound of its own on the bytes of indexes.</summary>
    public ColumnCache(RowTable table, long indexBytesMax)
        : this(table) => _indexBytesMax = indexBytesMax;

    public RowTable Table { get; } = table;

    /// <summary>Ends when the index in progress is in place.</summary>
    public Task Building
    {
        get
        {
            lock (_lock)
                return _building;
        }
    }

    public long Bytes
    {
        get
        {
            lock (_lock)
                return _columns.Values.Sum(entry => entry.Column.Bytes + (entry.Index?.Bytes ?? 0));
        }
    }

    public long IndexBytes
    {
        get
        {
            lock (_lock)
                return SumIndexBytes();
        }
    }

    /// <summary>The field's values for the first <paramref name="rows"/> rows; counts as a use.</summary>
    public FieldUse Use(string field, int rows)
    {
        Entry entry;
        lock (_lock)
        {
            entry = Find(field);
            entry.Uses++;
            entry.LastUse = ++_uses;
            DropUnused();
        }

        var view = entry.Column.View(Table, rows);
        ConsiderIndex(entry, view);

        // An index of more rows than the caller's snapshot has would name rows behind it.
        var index = Volatile.Read(ref entry.Index);
        return new FieldUse(entry.Column, view, index?.Rows <= rows ? index : null);
    }

    /// <summary>The field's column, for what looks at all its values; no use that an index would serve.</summary>
    public FieldColumn Column(string field)
    {
        lock (_lock)
        {
            var entry = Find(field);
            entry.LastUse = ++_uses;
            return entry.Column;
        }
    }

    private Entry Find(string field)
    {
        if (_columns.TryGetValue(field, out var entry))
            return entry;

        if (_columns.Count == ColumnsMax)
            _columns.Remove(_columns.MinBy(pair => pair.Value.LastUse).Key);
        entry = new Entry(new FieldColumn(field));
        _columns.Add(field, entry);
        return entry;
    }

    private void ConsiderIndex(Entry entry, ColumnView view)
    {
        lock (_lock)
        {
            var covered = entry.Index?.Rows ?? 0;
            var wantedFrom = Math.Max(IndexRowsMin, covered + covered / TailShare);
            if (entry.Uses < UsesBeforeIndex || view.Rows < wantedFrom || !_building.IsCompleted
                || FieldIndex.EstimateBytes(view) > _indexBytesMax)
            {
                return;
            }

            if (view.Rows > IndexRowsAtOnce)
            {
                // It reads the view alone, so that it does not matter when the table goes meanwhile.
                _building = BackgroundThreads.Start(() => PutIndex(entry, new FieldIndex(view)));
                return;
            }
        }

        PutIndex(entry, new FieldIndex(view));
    }

    private void PutIndex(Entry entry, FieldIndex index)
    {
        lock (_lock)
        {
            if (entry.Index is null || entry.Index.Rows < index.Rows)
                Volatile.Write(ref entry.Index, index);

            while (SumIndexBytes() > _indexBytesMax)
                _columns.Values.Where(other => other.Index is not null).MinBy(other => other.LastUse)!.DropIndex();
        }
    }

    private long SumIndexBytes() => _columns.Values.Sum(entry => entry.Index?.Bytes ?? 0);

    private void DropUnused()
    {
        // Not at each use: the look at all columns would cost more than the condition.
        if (_uses % ColumnsMax != 0)
            return;

        foreach (var entry in _columns.Values)
        {
            if (_uses - entry.LastUse >= UsesKept)
                entry.DropIndex();
        }
    }

    private sealed class Entry(FieldColumn column)
    {
        /// <summary>Written under the cache's lock.</summary>
        public FieldIndex? Index;

        public FieldColumn Column { get; } = column;

        public long Uses { get; set; }

        public long LastUse { get; set; }

        /// <summary>Begins to count uses anew, so that an index dropped for want of room does not come back with the
        /// next use.</summary>
        public void DropIndex()
        {
            Volatile.Write(ref Index, null);
            Uses = 0;
        }
    }
}
