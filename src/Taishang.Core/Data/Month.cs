namespace Taishang.Core.Data;

/// <summary>
/// A calendar month in UTC: the suffix of a monthly table, and nothing else is ever formatted into SQL.
/// </summary>
/// <param name="Year">2000–2999.</param>
/// <param name="Number">1–12.</param>
public readonly record struct Month : IComparable<Month>
{
    public Month(int year, int number)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(year, 2000);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(year, 2999);
        ArgumentOutOfRangeException.ThrowIfLessThan(number, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, 12);
        Year = year;
        Number = number;
    }

    public int Year { get; }

    public int Number { get; }

    public static Month Of(DateTimeOffset time) => new(time.UtcDateTime.Year, time.UtcDateTime.Month);

    /// <summary>The month in which an id was made; null when it is not a UUIDv7 of a year with tables.</summary>
    public static Month? OfId(string id) => RowId.TimeOf(id) is { Year: >= 2000 and < 3000 } time ? Of(time) : null;

    public Month Next() => Number == 12 ? new Month(Year + 1, 1) : new Month(Year, Number + 1);

    public Month Previous() => Number == 1 ? new Month(Year - 1, 12) : new Month(Year, Number - 1);

    public DateTimeOffset Start => new(Year, Number, 1, 0, 0, 0, TimeSpan.Zero);

    public int CompareTo(Month other) => (Year, Number).CompareTo((other.Year, other.Number));

    /// <summary>Six digits, such as 202611.</summary>
    public override string ToString() => $"{Year:0000}{Number:00}";
}
