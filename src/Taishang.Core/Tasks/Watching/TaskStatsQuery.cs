using Taishang.Core.Api;

namespace Taishang.Core.Tasks.Watching;

/// <summary>The range and buckets of one question for statistics.</summary>
internal sealed record TaskStatsQuery(DateTimeOffset From, DateTimeOffset To, string? Type, TimeSpan Width)
{
    /// <summary>Longest range.</summary>
    public const int DaysMax = 366;

    /// <summary>Most buckets of time.</summary>
    public const int BucketsMax = 1_500;

    private static readonly TimeSpan Minute = TimeSpan.FromMinutes(1);

    /// <summary>The last hour when nothing is said. Ends of the range are widened to whole minutes.</summary>
    /// <exception cref="ApiException">A parameter is unknown or the range makes no sense.</exception>
    public static TaskStatsQuery Read(ListQuery query, DateTimeOffset now)
    {
        var to = Up(query.Time("to") ?? now);
        var from = Down(query.Time("from") ?? to.AddHours(-1));
        var width = query.OneOf("bucket", "minute", "hour", "day") switch
        {
            "hour" => TimeSpan.FromHours(1),
            "day" => TimeSpan.FromDays(1),
            _ => Minute,
        };
        if (from >= to) throw Refuse("from", "expected a time before 'to'");
        if (to - from > TimeSpan.FromDays(DaysMax)) throw Refuse("from", $"expected a range of at most {DaysMax} days");
        if ((to - from) / width > BucketsMax)
            throw Refuse("bucket", $"expected at most {BucketsMax} buckets: take wider ones or a shorter range");
        return new TaskStatsQuery(from, to, query.Filter("type"), width);
    }

    public static DateTimeOffset Down(DateTimeOffset time) => time.AddTicks(-(time.UtcTicks % Minute.Ticks));

    public static DateTimeOffset Up(DateTimeOffset time) => Down(time.Add(Minute).AddTicks(-1));

    private static ApiException Refuse(string field, string why) =>
        new(ErrorCodes.InvalidArgument, $"{field}: {why}",
            [new FieldError(field, ErrorCodes.InvalidArgument.Number, why)]);
}
