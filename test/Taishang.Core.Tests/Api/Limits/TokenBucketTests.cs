using Taishang.Core.Api;
using Taishang.Core.Api.Limits;

namespace Taishang.Core.Tests.Api.Limits;

public sealed class TokenBucketTests
{
    private const long Second = RateRule.NanosecondsOfSecond;

    private static RateRule Rule(double perSecond, int burst) =>
        new("group", new RateLimit { TokensPerSecond = perSecond, Burst = burst });

    [Fact]
    public void A_rested_caller_spends_its_burst_and_then_as_much_as_comes_back()
    {
        var bucket = new TokenBucket(Rule(2, 3));
        Assert.Equal([2, 1, 0], Enumerable.Range(0, 3).Select(_ => bucket.Take(0).Remaining));
        Assert.True(bucket.Take(0).IsRefused);
        Assert.True(bucket.Take((Second / 2) - 1).IsRefused);
        Assert.Equal(BucketOutcome.Admitted, bucket.Take(Second / 2).Outcome);
        Assert.True(bucket.Take(Second / 2).IsRefused);
        // However long it rests, it has no more than its burst.
        Assert.Equal(2, bucket.Take(1_000 * Second).Remaining);
    }

    [Theory]
    [InlineData(0.25, 1)]
    [InlineData(3, 5)]
    [InlineData(7_000_000, 10)]
    public void Whoever_waits_as_long_as_he_is_told_is_admitted_and_not_a_nanosecond_before(double rate, int burst)
    {
        var bucket = new TokenBucket(Rule(rate, burst));
        var now = 12_345L;
        for (var i = 0; i < burst; i++) Assert.False(bucket.Take(now).IsRefused);
        for (var i = 0; i < 20; i++)
        {
            var refused = bucket.Take(now);
            Assert.True(refused.IsRefused);
            Assert.True(bucket.Take(now + refused.NextNs - 1).IsRefused);
            now += refused.NextNs;
            Assert.False(bucket.Take(now).IsRefused);
        }
    }

    [Fact]
    public void What_is_told_of_the_next_token_and_of_a_full_bucket_comes_true()
    {
        var bucket = new TokenBucket(Rule(4, 10));
        BucketTake last = default;
        for (var i = 0; i < 6; i++) last = bucket.Take(i * 10_000_000L);
        const long Now = 50_000_000L;
        Assert.Equal(4, last.Remaining);
        // A token that has come is taken at once, so that as many are left as were before.
        Assert.Equal(3, bucket.Take(Now + last.NextNs - 1).Remaining);
        bucket = new TokenBucket(Rule(4, 10));
        for (var i = 0; i < 6; i++) last = bucket.Take(i * 10_000_000L);
        Assert.Equal(4, bucket.Take(Now + last.NextNs).Remaining);
        bucket = new TokenBucket(Rule(4, 10));
        for (var i = 0; i < 6; i++) last = bucket.Take(i * 10_000_000L);
        Assert.False(bucket.TryDrop(Now + last.FullNs - 1));
        Assert.True(bucket.TryDrop(Now + last.FullNs));
        Assert.Equal(BucketOutcome.Gone, bucket.Take(Now + last.FullNs).Outcome);
    }

    [Fact]
    public async Task Callers_in_parallel_get_exactly_the_burst_between_them()
    {
        var bucket = new TokenBucket(Rule(0.001, 1_000));
        var admitted = 0;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
            {
                if (!bucket.Take(i).IsRefused) Interlocked.Increment(ref admitted);
            }
        })));
        Assert.Equal(1_000, admitted);
    }

    [Theory]
    [InlineData(0, "0ms")]
    [InlineData(1, "1ms")]
    [InlineData(120_000_000, "120ms")]
    [InlineData(1_000_000_000, "1s")]
    [InlineData(1_500_000_000, "1.5s")]
    [InlineData(360_000_000_000, "6m0s")]
    [InlineData(3_723_000_000_000, "1h2m3s")]
    public void Spans_are_written_as_OpenAI_does(long nanoseconds, string text) =>
        Assert.Equal(text, RateHeaders.SpanText(nanoseconds));
}
