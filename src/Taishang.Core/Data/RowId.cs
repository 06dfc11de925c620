namespace Taishang.Core.Data;

/// <summary>Ids of rows: UUIDv7 in its 36-character form, so that the month of a row follows from its id.</summary>
public static class RowId
{
    public static string New(DateTimeOffset now) => Guid.CreateVersion7(now).ToString();

    /// <summary>Not above any id made at this millisecond or later: the bound of a range of ids.</summary>
    public static string First(DateTimeOffset time)
    {
        var milliseconds = time.ToUnixTimeMilliseconds().ToString("x12");
        return $"{milliseconds[..8]}-{milliseconds[8..]}-0000-0000-000000000000";
    }

    /// <summary>The millisecond in which the id was made; null when the text is not a UUIDv7.</summary>
    public static DateTimeOffset? TimeOf(string id)
    {
        if (id.Length != 36 || !Guid.TryParseExact(id, "D", out var guid) || guid.Version != 7) return null;
        Span<byte> bytes = stackalloc byte[16];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        long milliseconds = 0;
        for (var i = 0; i < 6; i++) milliseconds = (milliseconds << 8) | bytes[i];
        return milliseconds < 253402300800000 ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds) : null;
    }
}
