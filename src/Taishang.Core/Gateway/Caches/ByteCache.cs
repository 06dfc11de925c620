namespace Taishang.Core.Gateway.Caches;

/// <summary>
/// Keeps what was asked for last, bounded in bytes: the least recently used goes first. Cut into parts with a lock
/// each, by the key's hash, so that readers seldom meet.
/// </summary>
internal sealed class ByteCache<TValue>
    where TValue : class
{
    /// <summary>Of an entry beside its value: key, links, the place in the table.</summary>
    public const int EntryBytes = 160;

    private const int PartsCount = 8;

    private readonly Part[] _parts = new Part[PartsCount];
    private readonly TimeProvider _time;

    /// <param name="bytesMax">0 keeps nothing.</param>
    public ByteCache(long bytesMax, TimeProvider time)
    {
        _time = time;
        for (var i = 0; i < PartsCount; i++) _parts[i] = new Part(bytesMax / PartsCount);
    }

    public long Bytes => _parts.Sum(part => part.Bytes);

    public int Count => _parts.Sum(part => part.Count);

    public TValue? Find(in CacheKey key) => PartOf(key).Find(key, _time.GetTimestamp());

    /// <param name="bytes">Of the value; larger than a part of the cache, and it is not kept.</param>
    public void Add(in CacheKey key, TValue value, long bytes, TimeSpan ttl)
    {
        var until = _time.GetTimestamp() + (long)(ttl.TotalSeconds * _time.TimestampFrequency);
        PartOf(key).Add(new Entry(key, value, bytes + EntryBytes, until));
    }

    private Part PartOf(in CacheKey key) => _parts[key.Second % PartsCount];

    private sealed class Entry(CacheKey key, TValue value, long bytes, long until)
    {
        public CacheKey Key { get; } = key;

        public TValue Value { get; } = value;

        public long Bytes { get; } = bytes;

        public long Until { get; } = until;

        public LinkedListNode<Entry>? Place { get; set; }
    }

    private sealed class Part(long bytesMax)
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<CacheKey, Entry> _entries = [];

        // The last used first.
        private readonly LinkedList<Entry> _order = new();
        private long _bytes;

        public long Bytes => Interlocked.Read(ref _bytes);

        public int Count
        {
            get
            {
                lock (_gate) return _entries.Count;
            }
        }

        public TValue? Find(in CacheKey key, long now)
        {
            lock (_gate)
            {
                if (!_entries.TryGetValue(key, out var entry)) return null;
                if (now >= entry.Until)
                {
                    Remove(entry);
                    return null;
                }

                if (entry.Place is { } place && place != _order.First)
                {
                    _order.Remove(place);
                    _order.AddFirst(place);
                }

                return entry.Value;
            }
        }

        public void Add(Entry entry)
        {
            if (entry.Bytes > bytesMax) return;
            lock (_gate)
            {
                if (_entries.TryGetValue(entry.Key, out var before)) Remove(before);
                _entries[entry.Key] = entry;
                entry.Place = _order.AddFirst(entry);
                Interlocked.Add(ref _bytes, entry.Bytes);
                while (_bytes > bytesMax && _order.Last is { } last) Remove(last.Value);
            }
        }

        private void Remove(Entry entry)
        {
            _entries.Remove(entry.Key);
            if (entry.Place is { } place) _order.Remove(place);
            Interlocked.Add(ref _bytes, -entry.Bytes);
        }
    }
}
