using System.Globalization;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.ServiceCalls;

/// <summary>Reads the parameters of both routes.</summary>
internal static class ServiceCallQuery
{
    /// <summary>A day: no call may take longer.</summary>
    private const double MinDurationMsMax = 86_400_000;

    private static readonly DateTimeOffset Never = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Forever = new(3000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static readonly string[] ListFilters =
        ["source_service", "target_service", "method", "status", "trace_id", "from", "to", "min_duration"];

    private static readonly string[] StatsFilters = [.. ListFilters, "group_by", "bucket"];

    private static readonly string[] PageParameters = ["page", "page_size", "sort"];

    /// <summary>Calls made in the last day, when no range is named.</summary>
    private static readonly TimeSpan StatsRangeDefault = TimeSpan.FromDays(1);

    public static (ListQuery Page, ServiceCallFilter Filter) ReadList(IQueryCollection query)
    {
        var page = ListQuery.Read(query, ListFilters, ["created_at"]);
        var errors = new FieldErrors();
        var filter = ReadFilter(page, errors, Never, Forever);
        errors.ThrowIfAny();
        return (page, filter);
    }

    public static ServiceCallStatsQuery ReadStats(
        IQueryCollection query, ServiceCallOptions options, DateTimeOffset now)
    {
        var errors = new FieldErrors();
        foreach (var name in PageParameters)
            if (query.ContainsKey(name)) errors.Add(ErrorCodes.UnknownField, name, "statistics have no pages");
        errors.ThrowIfAny();
        var page = ListQuery.Read(query, StatsFilters, []);
        var to = ReadTime(page, errors, "to") ?? now;
        var from = ReadTime(page, errors, "from") ?? to - StatsRangeDefault;
        var filter = ReadFilter(page, errors, from, to);
        var bucket = ReadBucket(page.Filter("bucket") ?? "hour", errors);
        var groups = ReadGroups(page.Filter("group_by"), errors);
        errors.ThrowIfAny();
        CheckRange(errors, filter, bucket, options);
        errors.ThrowIfAny();
        return new ServiceCallStatsQuery(filter, bucket, groups);
    }

    private static void CheckRange(
        FieldErrors errors, ServiceCallFilter filter, CallGrouping bucket, ServiceCallOptions options)
    {
        var range = filter.To - filter.From;
        if (range > TimeSpan.FromDays(options.StatsDaysMax))
            errors.Add(ErrorCodes.ServiceCallQuery, "from", $"expected a range of at most {options.StatsDaysMax} days");
        else if (range / bucket.Width > options.StatsBucketsMax)
            errors.Add(
                ErrorCodes.ServiceCallQuery, "bucket",
                $"expected at most {options.StatsBucketsMax} buckets; take a wider bucket or a shorter range");
    }

    private static ServiceCallFilter ReadFilter(
        ListQuery page, FieldErrors errors, DateTimeOffset fromDefault, DateTimeOffset toDefault)
    {
        var from = ReadTime(page, errors, "from") ?? fromDefault;
        var to = ReadTime(page, errors, "to") ?? toDefault;
        if (from >= to && !errors.Any) errors.Add(ErrorCodes.ServiceCallQuery, "from", "expected a time before `to`");
        if (page.Filter("status") is { } status && !CallStatusText.All.Contains(status))
            errors.Add(ErrorCodes.ServiceCallQuery, "status", "expected success, failed or timeout");
        if (page.Filter("trace_id") is { } trace && (trace.Length != 32 || !trace.All(char.IsAsciiHexDigitLower)))
            errors.Add(ErrorCodes.ServiceCallQuery, "trace_id", "expected 32 lower-case hexadecimal digits");
        return new ServiceCallFilter(
            ReadText(page, errors, "source_service", 50), ReadText(page, errors, "target_service", 50),
            ReadText(page, errors, "method", 100), page.Filter("status"), page.Filter("trace_id"),
            from, to, ReadMinDuration(page, errors));
    }

    private static string? ReadText(ListQuery page, FieldErrors errors, string name, int charsMax)
    {
        if (page.Filter(name) is not { } text) return null;
        if (text.Length == 0 || text.Length > charsMax || text.Any(c => char.IsControl(c) || char.IsSurrogate(c)))
            errors.Add(ErrorCodes.ServiceCallQuery, name, $"expected 1 to {charsMax} characters");
        return text;
    }

    private static long ReadMinDuration(ListQuery page, FieldErrors errors)
    {
        if (page.Filter("min_duration") is not { } text) return 0;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var ms)
            && ms is >= 0 and <= MinDurationMsMax) return (long)Math.Round(ms * 1000);
        errors.Add(
            ErrorCodes.ServiceCallQuery, "min_duration", $"expected milliseconds from 0 to {MinDurationMsMax:0}");
        return 0;
    }

    private static DateTimeOffset? ReadTime(ListQuery page, FieldErrors errors, string name)
    {
        if (page.Filter(name) is not { } text) return null;
        if (text.Length >= 20 && text[10] is 'T' or 't'
            && DateTimeOffset.TryParse(
                text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal,
                out var time)
            && time >= Never && time <= Forever) return time;
        errors.Add(ErrorCodes.ServiceCallQuery, name, "expected a time in RFC 3339, such as 2026-01-31T08:00:00Z");
        return null;
    }

    private static CallGrouping ReadBucket(string text, FieldErrors errors)
    {
        CallGrouping[] known = [CallGrouping.Minute, CallGrouping.Hour, CallGrouping.Day];
        if (known.FirstOrDefault(one => one.Name == text) is { } bucket) return bucket;
        errors.Add(ErrorCodes.ServiceCallQuery, "bucket", "expected minute, hour or day");
        return CallGrouping.Hour;
    }

    /// <summary>Method and target are always there; naming them is allowed and changes nothing.</summary>
    private static List<CallGrouping> ReadGroups(string? text, FieldErrors errors)
    {
        if (text is null) return [];
        CallGrouping[] known = [CallGrouping.Method, CallGrouping.Target, CallGrouping.Source, CallGrouping.Status];
        var found = new List<CallGrouping>();
        foreach (var name in text.Split(',').Take(known.Length + 1))
        {
            if (known.FirstOrDefault(one => one.Name == name) is { } grouping) found.Add(grouping);
            else errors.Add(ErrorCodes.ServiceCallQuery, "group_by", "expected method, target, source or status");
        }

        return found;
    }
}

/// <param name="Filter">Which calls.</param>
/// <param name="Bucket">Width of the time buckets.</param>
/// <param name="Groups">Groupings beside those that are always there.</param>
internal sealed record ServiceCallStatsQuery(
    ServiceCallFilter Filter, CallGrouping Bucket, IReadOnlyCollection<CallGrouping> Groups);
