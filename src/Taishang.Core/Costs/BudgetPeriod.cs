using System.Globalization;

namespace Taishang.Core.Costs;

/// <summary>Days and months in UTC: the name of one, and when it ends.</summary>
/// <param name="Key"><c>2026-11-26</c> or <c>2026-11</c>.</param>
/// <param name="EndsAt">When the next begins.</param>
internal sealed record BudgetPeriod(string Key, DateTimeOffset EndsAt)
{
    public static BudgetPeriod Of(string period, DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        if (period == BudgetWords.Day)
        {
            var day = new DateTimeOffset(utc.Date, TimeSpan.Zero);
            return new BudgetPeriod(day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), day.AddDays(1));
        }

        var month = new DateTimeOffset(utc.Year, utc.Month, 1, 0, 0, 0, TimeSpan.Zero);
        return new BudgetPeriod(month.ToString("yyyy-MM", CultureInfo.InvariantCulture), month.AddMonths(1));
    }
}
