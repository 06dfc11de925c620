using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// What the filters asked last match, of one generation. A filter that is asked again before the next commit is not
/// evaluated again; a commit makes what is kept useless, and it is replaced as filters come.
/// </summary>
internal sealed class MatchCache(ColumnCache columns)
{
    /// <summary>Filters kept; each takes one bit a row.</summary>
    public const int FiltersMax = 16;

    /// <summary>Bytes of a filter's JSON up to which it is kept.</summary>
    public const int FilterBytesMax = 4 << 10;

    private readonly Lock _lock = new();
    private readonly Entry?[] _entries = new Entry?[FiltersMax];
    private long _uses;

    public long Bytes
    {
        get
        {
            lock (_lock)
                return _entries.Sum(entry => entry?.Bytes ?? 0);
        }
    }

    /// <summary>The living rows of the snapshot that match. The bitmap is shared: nobody may change it.</summary>
    public Matches Of(MetadataFilter filter, Snapshot snapshot)
    {
        if (filter.Json.Length > FilterBytesMax)
            return Evaluate(filter, snapshot);

        lock (_lock)
        {
            if (Find(filter, snapshot) is { } known)
                return known;
        }

        var matches = Evaluate(filter, snapshot);
        lock (_lock)
        {
            if (Find(filter, snapshot) is { } known)
                return known;

            _entries[OldestPlace(filter)] = new Entry(filter.Json, snapshot, matches) { LastUse = ++_uses };
        }

        return matches;
    }

    private Matches Evaluate(MetadataFilter filter, Snapshot snapshot)
    {
        var rows = FilterEvaluator.Evaluate(filter, columns, snapshot.Rows);
        Visibility.Restrict(rows, snapshot);
        return new Matches(rows, rows.CountSet());
    }

    private Matches? Find(MetadataFilter filter, Snapshot snapshot)
    {
        foreach (var entry in _entries)
        {
            if (entry is null || !entry.IsOf(snapshot) || !entry.IsOf(filter))
                continue;

            entry.LastUse = ++_uses;
            return entry.Matches;
        }

        return null;
    }

    /// <summary>The place of the same filter's older answer, a free one, or that of the one used longest ago.</summary>
    private int OldestPlace(MetadataFilter filter)
    {
        var oldest = 0;
        for (var i = 0; i < _entries.Length; i++)
        {
            if (_entries[i] is not { } entry || entry.IsOf(filter))
                return i;
            if (entry.LastUse < _entries[oldest]!.LastUse)
                oldest = i;
        }

        return oldest;
    }

    /// <summary>The numbers of the snapshot, and not itself: it would hold the generation.</summary>
    private sealed class Entry(byte[] json, Snapshot snapshot, Matches matches)
    {
        private readonly int _rows = snapshot.Rows;
        private readonly long _commit = snapshot.Commit;

        public Matches Matches { get; } = matches;

        public long LastUse { get; set; }

        public long Bytes => json.Length + Matches.Rows.Words.Length * (long)sizeof(ulong);

        public bool IsOf(Snapshot other) => _rows == other.Rows && _commit == other.Commit;

        public bool IsOf(MetadataFilter filter) => json.AsSpan().SequenceEqual(filter.Json);
    }
}

/// <summary>The rows that a filter matches in a snapshot.</summary>
internal readonly record struct Matches(RowBitmap Rows, int Count);
