using System.Globalization;
using Taishang.Core.Tasks.Schedules;

namespace Taishang.Core.Tests.Tasks.Schedules;

/// <summary>Which times are due, without a database.</summary>
public sealed class ScheduleTimesTests
{
    [Theory]
    [InlineData("0 9 * * *", "Asia/Shanghai", "2026-11-22T00:00:00Z", "2026-11-22T01:00:00Z")]
    [InlineData("*/15 * * * *", "UTC", "2026-11-22T08:07:00Z", "2026-11-22T08:15:00Z")]
    [InlineData("30 0 8 * * *", "UTC", "2026-11-22T08:00:00Z", "2026-11-22T08:00:30Z")]
    [InlineData("@daily", "UTC", "2026-11-22T08:00:00Z", "2026-11-23T00:00:00Z")]
    // Clocks in Berlin go from 02:00 to 03:00 on 2027-03-28: 02:30 does not exist and comes after the gap.
    [InlineData("30 2 * * *", "Europe/Berlin", "2027-03-27T12:00:00Z", "2027-03-28T01:00:00Z")]
    // And from 03:00 back to 02:00 on 2026-10-25: 02:30 is there twice and comes once.
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    public void The_next_time_is_that_of_its_time_zone(string cron, string zone, string after, string expected) =>
        Assert.Equal(At(expected), Parse(cron, zone).After(At(after)));

    [Theory]
    [InlineData("61 * * * *", "UTC", "cron")]
    [InlineData("* * *", "UTC", "cron")]
    [InlineData("often", "UTC", "cron")]
    [InlineData("* * * * *", "Mars/Olympus", "time_zone")]
    public void What_is_not_understood_is_told_by_its_field(string cron, string zone, string field)
    {
        var fields = new List<string>();
        Assert.Null(ScheduleTimes.Parse(cron, zone, (name, _) => fields.Add(name)));
        Assert.Equal([field], fields);
    }

    [Theory]
    // On time: one, whatever the rule.
    [InlineData(MissedRule.Skip, 0, 1, 0)]
    [InlineData(MissedRule.Once, 0, 1, 0)]
    [InlineData(MissedRule.All, 0, 1, 0)]
    // Three hours late at a time each hour: three more have come meanwhile.
    [InlineData(MissedRule.Skip, 180, 1, 3)]
    [InlineData(MissedRule.Once, 180, 1, 3)]
    [InlineData(MissedRule.All, 180, 4, 0)]
    // And past the last of them by more than the grace.
    [InlineData(MissedRule.Skip, 185, 0, 4)]
    [InlineData(MissedRule.Once, 185, 1, 3)]
    [InlineData(MissedRule.All, 185, 4, 0)]
    public void Missed_times_are_made_up_for_as_the_rule_says(string rule, int lateMinutes, int fired, long skipped)
    {
        var first = At("2026-11-22T08:00:00Z");
        var now = first.AddMinutes(lateMinutes);

        var due = Parse("0 * * * *", "UTC").Due(first, now, rule, TimeSpan.FromMinutes(1));

        Assert.Equal((fired, skipped), (due.Fire.Count, due.Skipped));
        Assert.True(due.Next > now && due.Next <= now.AddHours(1));
        if (fired == 1 && rule != MissedRule.All) Assert.Equal(first.AddHours(lateMinutes / 60), due.Fire[0]);
    }

    [Fact]
    public void A_long_absence_is_made_up_for_in_rounds_and_none_is_left_out()
    {
        var times = Parse("* * * * *", "UTC");
        var first = At("2026-11-22T08:00:00Z");
        var now = first.AddMinutes(249);
        var fired = new List<DateTimeOffset>();
        DateTimeOffset? next = first;
        while (next <= now)
        {
            var due = times.Due(next.Value, now, MissedRule.All, TimeSpan.Zero);
            Assert.InRange(due.Fire.Count, 1, ScheduleTimes.RoundMax);
            fired.AddRange(due.Fire);
            next = due.Next;
        }

        Assert.Equal(Enumerable.Range(0, 250).Select(i => first.AddMinutes(i)), fired);
    }

    [Theory]
    [InlineData(MissedRule.Once, 1)]
    [InlineData(MissedRule.Skip, 1)]
    public void A_year_of_seconds_is_passed_over_at_once(string rule, int fired)
    {
        var first = At("2026-01-01T00:00:00Z");
        var now = first.AddYears(1);
        var due = Parse("* * * * * *", "UTC").Due(first, now, rule, TimeSpan.FromMinutes(1));
        Assert.Equal((fired, now.AddSeconds(1)), (due.Fire.Count, due.Next));
    }

    [Fact]
    public void An_expression_may_come_to_its_end()
    {
        // There is no 30 February.
        Assert.Null(Parse("0 0 30 2 *", "UTC").After(At("2026-11-22T08:00:00Z")));
    }

    private static ScheduleTimes Parse(string cron, string zone) =>
        ScheduleTimes.Parse(cron, zone, (field, why) => Assert.Fail($"{field}: {why}"))
        ?? throw new InvalidOperationException(cron);

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
