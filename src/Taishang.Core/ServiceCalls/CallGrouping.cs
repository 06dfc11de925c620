using System.Globalization;
using Taishang.Core.Data;

namespace Taishang.Core.ServiceCalls;

/// <summary>A way of grouping calls: the SQL of its key, the same text on both databases.</summary>
/// <param name="Name">As the query names it.</param>
/// <param name="Sqlite">The key on SQLite.</param>
/// <param name="PostgreSql">The key on PostgreSQL.</param>
internal sealed record CallGrouping(string Name, string Sqlite, string PostgreSql)
{
    public static readonly CallGrouping None = new("", "''", "''");
    public static readonly CallGrouping Method = new("method", "method", "method");
    public static readonly CallGrouping Target = new("target", "target_service", "target_service");
    public static readonly CallGrouping Source = new("source", "source_service", "source_service");
    public static readonly CallGrouping Status = new("status", "status", "status");

    // On SQLite a time is text of fixed width, so the bucket is its beginning.
    public static readonly CallGrouping Minute = new(
        "minute", "substr(created_at, 1, 16)", "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI')");
    public static readonly CallGrouping Hour = new(
        "hour", "substr(created_at, 1, 13)", "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24')");
    public static readonly CallGrouping Day = new(
        "day", "substr(created_at, 1, 10)", "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')");

    private static readonly string[] BucketFormats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH", "yyyy-MM-dd'T'HH:mm"];

    public bool IsTime => this == Minute || this == Hour || this == Day;

    /// <summary>Width of a bucket; only of the three that are times.</summary>
    public TimeSpan Width => this == Minute ? TimeSpan.FromMinutes(1)
        : this == Hour ? TimeSpan.FromHours(1)
        : TimeSpan.FromDays(1);

    public string Key(Dialect dialect) => dialect == Dialect.Sqlite ? Sqlite : PostgreSql;

    public static DateTimeOffset BucketStart(string key) => DateTimeOffset.ParseExact(
        key, BucketFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
