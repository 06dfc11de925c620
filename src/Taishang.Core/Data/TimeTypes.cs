using System.Data;
using System.Globalization;
using Dapper;
using Microsoft.Data.Sqlite;

namespace Taishang.Core.Data;

/// <summary>
/// Times in rows: <c>timestamptz</c> on PostgreSQL; on SQLite text of fixed width in UTC, so that the order of the
/// text is the order of time. Microseconds on both.
/// </summary>
internal sealed class TimeTypes : SqlMapper.TypeHandler<DateTimeOffset>
{
    private const string TextFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    public static void Register()
    {
        DefaultTypeMap.MatchNamesWithUnderscores = true;
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset));
        SqlMapper.RemoveTypeMap(typeof(DateTimeOffset?));
        SqlMapper.AddTypeHandler(new TimeTypes());
    }

    public static string Format(DateTimeOffset time) => time.UtcDateTime.ToString(TextFormat);

    public override void SetValue(IDbDataParameter parameter, DateTimeOffset value) =>
        parameter.Value = parameter is SqliteParameter ? Format(value) : value.UtcDateTime;

    public override DateTimeOffset Parse(object value) => value switch
    {
        string text => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal),
        DateTime time => new DateTimeOffset(DateTime.SpecifyKind(time, DateTimeKind.Utc)),
        DateTimeOffset time => time,
        _ => throw new DataException($"expected a time, came {value.GetType().Name}"),
    };
}
