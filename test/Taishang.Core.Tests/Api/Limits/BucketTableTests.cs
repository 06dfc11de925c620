using System.Net;
using Taishang.Core.Api;
using Taishang.Core.Api.Limits;

namespace Taishang.Core.Tests.Api.Limits;

public sealed class BucketTableTests
{
    private const long Second = RateRule.NanosecondsOfSecond;
    private static readonly RateRule Slow = new("slow", new RateLimit { TokensPerSecond = 1, Burst = 2 });

    private static CallerKey Key(int number) => new(0, "tenant", $"key{number}", 0);

    [Fact]
    public void A_full_table_drops_buckets_that_are_full_again_and_no_others()
    {
        var table = new BucketTable(3);
        var spent = table.FindOrAdd(Key(1), Slow, 0)!;
        table.FindOrAdd(Key(2), Slow, 0);
        table.FindOrAdd(Key(3), Slow, 0);
        for (var i = 0; i < 2; i++) spent.Take(0);

        Assert.NotNull(table.FindOrAdd(Key(4), Slow, 0));
        Assert.Same(spent, table.Find(Key(1)));
        Assert.True(table.Find(Key(1))!.Take(0).IsRefused);
        Assert.Equal(2, table.Count);
        Assert.Null(table.Find(Key(2)));
    }

    [Fact]
    public void There_is_no_room_while_every_caller_is_owed_something_and_no_look_for_it_more_often_than_each_second()
    {
        var table = new BucketTable(2);
        for (var i = 1; i <= 2; i++) table.FindOrAdd(Key(i), Slow, 0)!.Take(0);
        Assert.Null(table.FindOrAdd(Key(3), Slow, 0));
        // They are full again, which a look would find.
        Assert.Null(table.FindOrAdd(Key(3), Slow, Second - 1));
        Assert.NotNull(table.FindOrAdd(Key(3), Slow, Second));
        Assert.Equal(1, table.Count);
    }

    [Fact]
    public async Task Nobody_gains_a_token_when_buckets_are_dropped_under_his_hands()
    {
        var rule = new RateRule("never", new RateLimit { TokensPerSecond = 0.001, Burst = 3 });
        var table = new BucketTable(1);
        var clock = 0L;
        var admitted = 0;
        // One caller spends while another comes again and again: each look through the table may drop a full bucket.
        var spending = Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var now = Interlocked.Read(ref clock);
                if (table.FindOrAdd(Key(1), rule, now) is not { } bucket) continue;
                var take = bucket.Take(now);
                if (take.Outcome == BucketOutcome.Gone) table.Remove(Key(1), bucket);
                else if (!take.IsRefused) admitted++;
            }
        });
        for (var i = 0; i < 20_000; i++) table.FindOrAdd(Key(2), rule, Interlocked.Add(ref clock, 1));
        await spending;
        Assert.InRange(admitted, 0, 3);
        Assert.InRange(table.Count, 0, 1);
    }

    [Theory]
    [InlineData("2001:db8::1", "2001:db8::ffff:1", true)]
    [InlineData("2001:db8::1", "2001:db8:0:1::1", false)]
    [InlineData("10.0.0.1", "::ffff:10.0.0.1", true)]
    [InlineData("10.0.0.1", "10.0.0.2", false)]
    public void Addresses_are_one_caller_by_their_network(string one, string other, bool same) =>
        Assert.Equal(
            same, CallerKey.AddressOf(IPAddress.Parse(one)) == CallerKey.AddressOf(IPAddress.Parse(other)));
}
