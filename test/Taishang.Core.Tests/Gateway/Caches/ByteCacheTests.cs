using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Gateway.Caches;

namespace Taishang.Core.Tests.Gateway.Caches;

public sealed class ByteCacheTests
{
    private const int EntryBytes = 1_000;

    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void What_was_used_last_stays_and_the_bytes_stay_within_their_bound()
    {
        // All keys of one part, which is an eighth of the cache.
        var cache = new ByteCache<string>(8 * 3 * (EntryBytes + ByteCache<string>.EntryBytes), _clock);
        for (var i = 0; i < 3; i++) Add(cache, i);
        Assert.Equal("0", cache.Find(Key(0)));
        Add(cache, 3);
        Assert.Null(cache.Find(Key(1)));
        Assert.Equal(("0", "2", "3"), (cache.Find(Key(0)), cache.Find(Key(2)), cache.Find(Key(3))));
        Assert.Equal((3, 3 * (EntryBytes + ByteCache<string>.EntryBytes)), (cache.Count, cache.Bytes));
        Add(cache, 3);
        Assert.Equal(3, cache.Count);
    }

    [Fact]
    public void What_is_larger_than_a_part_is_not_kept_and_drives_nothing_out()
    {
        var cache = new ByteCache<string>(8 * 2_000, _clock);
        Add(cache, 1);
        cache.Add(Key(2), "2", 5_000, TimeSpan.FromMinutes(1));
        Assert.Equal(("1", null), (cache.Find(Key(1)), cache.Find(Key(2))));
    }

    [Fact]
    public void An_entry_ends_with_its_time()
    {
        var cache = new ByteCache<string>(1 << 20, _clock);
        Add(cache, 1);
        _clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal("1", cache.Find(Key(1)));
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(cache.Find(Key(1)));
        Assert.Equal(0, cache.Bytes);
    }

    [Fact]
    public void Random_use_by_many_threads_keeps_within_its_bound()
    {
        var cache = new ByteCache<string>(64 << 10, _clock);
        Parallel.For(0, 8, worker =>
        {
            var random = new Random(worker);
            for (var i = 0; i < 5_000; i++)
            {
                var number = random.Next(200);
                var key = new CacheKey((ulong)number, (ulong)number, 0, 0);
                if (random.Next(2) == 0) cache.Add(key, $"{number}", random.Next(4_000), TimeSpan.FromMinutes(1));
                else Assert.Contains(cache.Find(key), (string?[])[null, $"{number}"]);
            }
        });
        Assert.InRange(cache.Bytes, 0, 64 << 10);
    }

    private static CacheKey Key(int number) => new((ulong)number, 0, 0, 0);

    private static void Add(ByteCache<string> cache, int number) =>
        cache.Add(Key(number), $"{number}", EntryBytes, TimeSpan.FromMinutes(1));
}
