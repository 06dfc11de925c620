using Cronos;

namespace Taishang.Core.Tasks.Schedules;

/// <summary>
/// The times that an expression names, in its time zone. Where clocks go forward, a time that is left out comes at the
/// moment after the gap; where they go back, a fixed time comes once, and one that comes every so often goes on.
/// </summary>
internal sealed class ScheduleTimes
{
    /// <summary>Times that fire in one round; more of them wait for the next.</summary>
    public const int RoundMax = 100;

    /// <summary>Missed times that are counted in one round; beyond it they are passed over uncounted.</summary>
    private const int CountMax = 10_000;

    private readonly CronExpression _cron;
    private readonly TimeZoneInfo _zone;

    private ScheduleTimes(CronExpression cron, TimeZoneInfo zone)
    {
        _cron = cron;
        _zone = zone;
    }

    /// <summary>Five fields, or six with seconds in front, or a word such as @daily; the first broken rule is told.
    /// </summary>
    public static ScheduleTimes? Parse(string cron, string timeZone, Action<string, string> wrong)
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var zone))
            wrong("time_zone", "expected an IANA time zone, such as Asia/Shanghai");
        var fields = cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;
        try
        {
            var format = fields == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard;
            var expression = CronExpression.Parse(cron, format);
            return zone is null ? null : new ScheduleTimes(expression, zone);
        }
        catch (CronFormatException e)
        {
            wrong("cron", $"expected five fields, six with seconds, or a word such as @daily: {e.Message}");
            return null;
        }
    }

    /// <summary>As stored, so it was checked.</summary>
    public static ScheduleTimes Of(TaskSchedule schedule) =>
        Parse(schedule.Cron, schedule.TimeZone, static (_, _) => { })
        ?? throw new InvalidOperationException(
            $"schedule {schedule.Id}: '{schedule.Cron}' in {schedule.TimeZone} is not understood here");

    /// <summary>The first time after a moment; null when there is none.</summary>
    public DateTimeOffset? After(DateTimeOffset moment) => _cron.GetNextOccurrence(moment, _zone);

    /// <summary>What is to be done at a moment about a time that was due, and those since.</summary>
    public DueTimes Due(DateTimeOffset first, DateTimeOffset now, string missed, TimeSpan grace)
    {
        var fire = new List<DateTimeOffset> { first };
        long passed = 1;
        var next = After(first);
        while (next <= now && passed < CountMax && !(missed == MissedRule.All && fire.Count == RoundMax))
        {
            if (missed != MissedRule.All) fire.Clear();
            fire.Add(next.Value);
            passed++;
            next = After(next.Value);
        }

        // Who makes up for each goes on with the next round where this one ended; the others go on from now.
        if (missed != MissedRule.All)
        {
            if (next <= now)
            {
                fire = [now];
                next = After(now);
            }

            if (missed == MissedRule.Skip && now - fire[0] > grace) fire.Clear();
        }

        return new DueTimes(fire, next, passed - fire.Count);
    }
}

/// <param name="Fire">Times that get a task.</param>
/// <param name="Next">The time after all of them; null when there is none.</param>
/// <param name="Skipped">Times that get none.</param>
internal sealed record DueTimes(IReadOnlyList<DateTimeOffset> Fire, DateTimeOffset? Next, long Skipped);
