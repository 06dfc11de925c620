using System.Collections.Concurrent;

namespace Taishang.Core.Api.Limits;

/// <summary>
/// The buckets of callers: found without a lock, bounded in number. When there is no room, those that are full again
/// go, which gives nobody a token; none goes that its caller would find fuller than he left it.
/// </summary>
internal sealed class BucketTable(int bucketsMax)
{
    /// <summary>A look through all buckets is not worth it more often.</summary>
    private const long SweepPauseNs = RateRule.NanosecondsOfSecond;

    private readonly ConcurrentDictionary<CallerKey, TokenBucket> _buckets = new();
    private long _nextSweepNs = long.MinValue;
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public TokenBucket? Find(in CallerKey key) => _buckets.GetValueOrDefault(key);

    /// <summary>null when there is no room.</summary>
    public TokenBucket? FindOrAdd(in CallerKey key, RateRule rule, long nowNs)
    {
        while (true)
        {
            if (_buckets.TryGetValue(key, out var known)) return known;
            if (Interlocked.Increment(ref _count) > bucketsMax)
            {
                Interlocked.Decrement(ref _count);
                if (!Sweep(nowNs)) return null;
                continue;
            }

            var bucket = new TokenBucket(rule);
            if (_buckets.TryAdd(key, bucket)) return bucket;
            Interlocked.Decrement(ref _count);
        }
    }

    /// <summary>Of a bucket that was dropped while somebody looked for it.</summary>
    public void Remove(in CallerKey key, TokenBucket bucket)
    {
        if (_buckets.TryRemove(KeyValuePair.Create(key, bucket))) Interlocked.Decrement(ref _count);
    }

    /// <summary>One caller at a time sweeps; the others are told that there is no room.</summary>
    private bool Sweep(long nowNs)
    {
        var next = Volatile.Read(ref _nextSweepNs);
        if (nowNs < next || Interlocked.CompareExchange(ref _nextSweepNs, nowNs + SweepPauseNs, next) != next)
            return false;
        foreach (var (key, bucket) in _buckets)
        {
            if (bucket.TryDrop(nowNs)) Remove(key, bucket);
        }

        return Count < bucketsMax;
    }
}
