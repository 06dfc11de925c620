using Microsoft.Extensions.Time.Testing;
using Taishang.Core.Tasks.Watching;

namespace Taishang.Core.Tests.Tasks.Watching;

public sealed class ProgressRateTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void The_rate_is_of_this_attempt_alone_and_gives_the_time_that_is_left()
    {
        // An earlier attempt did 40 %.
        var rate = new ProgressRate(_time, 40);
        Assert.Null(rate.PercentPerSecond);
        _time.Advance(TimeSpan.FromSeconds(5));
        rate.Report(50);

        Assert.Equal(2, rate.PercentPerSecond);
        Assert.Equal(25_000, ProgressRate.TimeLeftMs(50, rate.PercentPerSecond));
        Assert.Equal(0, ProgressRate.TimeLeftMs(100, rate.PercentPerSecond));
        Assert.Null(ProgressRate.TimeLeftMs(50, null));
    }

    [Fact]
    public void What_was_slow_long_ago_is_forgotten()
    {
        var rate = new ProgressRate(_time, 0);
        for (var percent = 1; percent <= 40; percent++)
        {
            _time.Advance(TimeSpan.FromSeconds(percent <= 20 ? 60 : 1));
            rate.Report(percent);
        }

        Assert.Equal(1, rate.PercentPerSecond!.Value, 6);
    }

    [Fact]
    public void Work_that_begins_anew_has_no_speed_until_it_moves()
    {
        var rate = new ProgressRate(_time, 0);
        _time.Advance(TimeSpan.FromSeconds(1));
        rate.Report(80);
        _time.Advance(TimeSpan.FromSeconds(1));
        rate.Report(10);
        Assert.Null(rate.PercentPerSecond);
        _time.Advance(TimeSpan.FromSeconds(2));
        rate.Report(14);
        Assert.Equal(2, rate.PercentPerSecond);
    }

    [Fact]
    public void A_crawl_is_left_a_week_at_most() =>
        Assert.Equal(604_800_000, ProgressRate.TimeLeftMs(1, 1e-9));
}
