using System.Globalization;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.Costs;

/// <summary>What GET /usage asks for.</summary>
/// <param name="From">First hour.</param>
/// <param name="To">The hour behind the last.</param>
/// <param name="Bucket">hour, day or month.</param>
/// <param name="GroupBy">Some of <see cref="Dimensions"/>.</param>
/// <param name="List">Page and filters.</param>
internal sealed record UsageQuery(
    DateTimeOffset From, DateTimeOffset To, string Bucket, IReadOnlyList<string> GroupBy, ListQuery List)
{
    public const string Hour = "hour";

    private const int DaysDefault = 30;
    private const int DaysMax = 3_660;

    /// <summary>What usage is told apart by.</summary>
    public static readonly IReadOnlyList<string> Dimensions = ["tenant", "key_id", "model", "version", "route"];

    /// <summary>Characters of an hour's text that the bucket keeps.</summary>
    public int Width => Bucket switch
    {
        Hour => 13,
        BudgetWords.Day => 10,
        _ => 7,
    };

    /// <exception cref="ApiException">A parameter is unknown, or not as it should be (20037).</exception>
    public static UsageQuery Read(IQueryCollection query, DateTimeOffset now)
    {
        var list = ListQuery.Read(query, [.. Dimensions, "from", "to", "bucket", "group_by"], []);
        var errors = new FieldErrors();
        var to = list.Time("to") ?? Whole(now).AddHours(1);
        var from = list.Time("from") ?? Whole(to).AddDays(-DaysDefault);
        if (from != Whole(from)) Add(errors, "from", "expected a whole hour: usage is kept by the hour");
        if (to != Whole(to)) Add(errors, "to", "expected a whole hour: usage is kept by the hour");
        if (from >= to) Add(errors, "from", "expected a time before to");
        else if (to - from > TimeSpan.FromDays(DaysMax))
            Add(errors, "from", $"expected at most {DaysMax} days before to");
        var bucket = list.Filter("bucket") ?? BudgetWords.Day;
        if (bucket is not (Hour or BudgetWords.Day or BudgetWords.Month))
            Add(errors, "bucket", "expected hour, day or month");
        var groupBy = list.Filter("group_by")?.Split(',') ?? [];
        if (groupBy.Except(Dimensions).Any() || groupBy.Distinct().Count() != groupBy.Length)
            Add(errors, "group_by",
                $"expected some of {string.Join(", ", Dimensions)}, each once, with commas between");
        errors.ThrowIfAny();
        return new UsageQuery(from, to, bucket, groupBy, list);
    }

    public object Parameters() => new
    {
        from = HourText(From),
        to = HourText(To),
        width = Width,
        byTenant = By("tenant"),
        byKey = By("key_id"),
        byModel = By("model"),
        byVersion = By("version"),
        byRoute = By("route"),
        tenant = List.Filter("tenant"),
        key = List.Filter("key_id"),
        model = List.Filter("model"),
        version = List.Filter("version"),
        route = List.Filter("route"),
        List.PageSize,
        List.Skip,
    };

    /// <summary>When the bucket begins.</summary>
    public static DateTimeOffset TimeOf(string bucket) => DateTimeOffset.ParseExact(
        bucket, ["yyyy-MM-dd'T'HH", "yyyy-MM-dd", "yyyy-MM"], CultureInfo.InvariantCulture,
        DateTimeStyles.AssumeUniversal);

    public static string HourText(DateTimeOffset time) =>
        CostExchange.HourOf((long)Math.Floor((time - DateTimeOffset.UnixEpoch).TotalHours));

    private int By(string dimension) => GroupBy.Contains(dimension) ? 1 : 0;

    private static DateTimeOffset Whole(DateTimeOffset time) =>
        new(time.UtcTicks / TimeSpan.TicksPerHour * TimeSpan.TicksPerHour, TimeSpan.Zero);

    private static void Add(FieldErrors errors, string field, string why) =>
        errors.Add(ErrorCodes.UsageInvalid, field, why);
}
