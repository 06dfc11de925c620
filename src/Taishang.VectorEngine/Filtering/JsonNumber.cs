using System.Text.Json;

namespace Taishang.VectorEngine.Filtering;

/// <summary>
/// Numbers of JSON in one canonical form, so that equality is equality of bits: whole numbers that fit are 64-bit
/// integers however they were written (1, 1.0, 1e0), everything else is a double.
/// </summary>
internal static class JsonNumber
{
    private const double TwoTo63 = 9223372036854775808.0;

    public static (ValueKind Kind, long Bits) Read(ref Utf8JsonReader reader) =>
        reader.TryGetInt64(out var integer) ? (ValueKind.Integer, integer) : Canonical(reader.GetDouble());

    public static (ValueKind Kind, long Bits) Read(JsonElement element) =>
        element.TryGetInt64(out var integer) ? (ValueKind.Integer, integer) : Canonical(element.GetDouble());

    /// <summary>Compares two canonical numbers by value, without rounding either.</summary>
    public static int Compare(ValueKind leftKind, long left, ValueKind rightKind, long right) =>
        (leftKind, rightKind) switch
        {
            (ValueKind.Integer, ValueKind.Integer) => left.CompareTo(right),
            (ValueKind.Integer, _) => CompareInteger(left, BitConverter.Int64BitsToDouble(right)),
            (_, ValueKind.Integer) => -CompareInteger(right, BitConverter.Int64BitsToDouble(left)),
            _ => BitConverter.Int64BitsToDouble(left).CompareTo(BitConverter.Int64BitsToDouble(right)),
        };

    private static (ValueKind Kind, long Bits) Canonical(double value) =>
        value is >= -TwoTo63 and < TwoTo63 && Math.Truncate(value) == value
            ? (ValueKind.Integer, (long)value)
            : (ValueKind.Real, BitConverter.DoubleToInt64Bits(value));

    /// <summary>A canonical real is either beyond all integers or has a fraction, and then lies below 2^53, where
    /// rounding the integer can not carry it across.</summary>
    private static int CompareInteger(long integer, double real)
    {
        if (real >= TwoTo63)
            return -1;
        return real < -TwoTo63 ? 1 : ((double)integer).CompareTo(real);
    }
}
