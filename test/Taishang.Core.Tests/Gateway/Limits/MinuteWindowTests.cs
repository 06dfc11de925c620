using Taishang.Core.Gateway.Limits;
using Taishang.Core.Models;

namespace Taishang.Core.Tests.Gateway.Limits;

public sealed class MinuteWindowTests
{
    private static TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void In_no_minute_is_more_let_through_than_the_limit_and_who_waits_as_told_has_room(int seed)
    {
        var random = new Random(seed);
        const long Limit = 100;
        var meter = new ModelMeter(new ModelLimits(null, Limit, null));
        var passed = new List<(double At, long Tokens)>();
        var now = 1_000.0;
        for (var i = 0; i < 3_000; i++)
        {
            now += random.NextDouble() * 3;
            var tokens = random.Next(1, 40);
            var answer = meter.Take(1, tokens, At(now), out var lease);
            if (lease is null)
            {
                Assert.Equal("tokens_per_minute", answer.Limit);
                Assert.InRange(answer.Wait.TotalSeconds, 0, 61);
                if (random.Next(4) != 0) continue;
                now += answer.Wait.TotalSeconds;
                meter.Take(1, tokens, At(now) + TimeSpan.FromTicks(1), out lease);
                Assert.NotNull(lease);
            }

            passed.Add((now, tokens));
            var sum = passed.Where(one => one.At > now - 60).Sum(one => one.Tokens);
            Assert.True(sum <= Limit, $"seed {seed}: {sum} tokens in the minute before {now}");
        }
    }

    [Fact]
    public void What_was_not_used_makes_room_at_once_and_what_was_used_beyond_takes_it()
    {
        var meter = new ModelMeter(new ModelLimits(null, 100, null));
        meter.Take(1, 90, At(5), out var first);
        Assert.Equal(100, meter.Take(1, 20, At(6), out _).Most);
        first!.Settle(1, 30);
        Assert.Null(meter.Take(1, 70, At(7), out var second).Limit);
        second!.Settle(1, 70);
        first.Settle(1, 0);
        Assert.NotNull(meter.Take(1, 1, At(8), out _).Limit);
        // The first leaves when the second in which it counted is a minute old.
        Assert.NotNull(meter.Take(1, 1, At(65.99), out _).Limit);
        Assert.Null(meter.Take(1, 30, At(66), out var third).Limit);
        third!.Settle(1, 500);
        Assert.NotNull(meter.Take(1, 1, At(125), out _).Limit);
    }

    [Fact]
    public void A_call_larger_than_the_limit_waits_for_an_empty_minute_and_is_then_let_through()
    {
        var meter = new ModelMeter(new ModelLimits(3, 100, null));
        meter.Take(1, 1, At(0), out _);
        var answer = meter.Take(10, 1_000, At(0.5), out _);
        Assert.Equal(("requests_per_minute", 60.5), (answer.Limit, answer.Wait.TotalSeconds));
        meter.Take(10, 1_000, At(61), out var lease);
        Assert.NotNull(lease);
        Assert.NotNull(meter.Take(1, 1, At(100), out _).Limit);
    }

    [Fact]
    public void Calls_at_once_are_counted_until_each_ends_however_often_its_end_is_told()
    {
        var meter = new ModelMeter(new ModelLimits(null, null, 2));
        meter.Take(1, 0, At(0), out var first);
        meter.Take(1, 0, At(0), out _);
        Assert.Equal("parallel_calls", meter.Take(1, 0, At(0), out _).Limit);
        first!.Fail(mayBeRead: true);
        first.Settle(1, 1);
        Assert.Null(meter.Take(1, 0, At(0), out _).Limit);
        Assert.Equal("parallel_calls", meter.Take(1, 0, At(0), out _).Limit);
        Assert.False(meter.IsIdle(At(200)));
    }
}
