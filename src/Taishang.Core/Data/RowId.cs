using System.Security.Cryptography;
using System.Text;

namespace Taishang.Core.Data;

/// <summary>Ids of rows: UUIDv7 in its 36-character form, so that the month of a row follows from its id.</summary>
public static class RowId
{
    private const long FractionMax = 0xfff;

    /// <summary>
    /// A new id. The twelve bits behind the millisecond hold its fraction, so that ids sort by time more finely than
    /// by milliseconds (RFC 9562, section 6.2, method 3).
    /// </summary>
    /// <param name="now">The row's time; its month is the row's month.</param>
    /// <param name="ordinal">The place of a row among those made with one reading of the clock.</param>
    public static string New(DateTimeOffset now, int ordinal = 0)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.CreateVersion7(now).TryWriteBytes(bytes, bigEndian: true, out _);
        var fraction = now.UtcTicks % TimeSpan.TicksPerMillisecond * FractionMax / TimeSpan.TicksPerMillisecond;
        var fine = Math.Min(FractionMax, fraction + ordinal);
        bytes[6] = (byte)(0x70 | (fine >> 8));
        bytes[7] = (byte)fine;
        return new Guid(bytes, bigEndian: true).ToString();
    }

    /// <summary>
    /// The id of the n-th further row of a request whose first row has this id: the same on every try.
    /// </summary>
    public static string Further(string id, int ordinal)
    {
        Span<byte> bytes = stackalloc byte[16];
        Guid.ParseExact(id, "D").TryWriteBytes(bytes, bigEndian: true, out _);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.ASCII.GetBytes($"{id}/{ordinal}"), hash);
        // The time, the version and the variant stay.
        var fine = Math.Min(FractionMax, ((bytes[6] & 0x0f) << 8 | bytes[7]) + ordinal);
        bytes[6] = (byte)(0x70 | (int)(fine >> 8));
        bytes[7] = (byte)fine;
        hash[..8].CopyTo(bytes[8..]);
        bytes[8] = (byte)(0x80 | (bytes[8] & 0x3f));
        return new Guid(bytes, bigEndian: true).ToString();
    }

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
