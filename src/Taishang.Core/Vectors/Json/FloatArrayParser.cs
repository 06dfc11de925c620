using System.Globalization;

namespace Taishang.Core.Vectors.Json;

/// <summary>
/// Reads a JSON array of numbers straight from UTF-8. A vector is hundreds of numbers in a row, and a general reader
/// spends most of its time between them. Here up to 19 digits are gathered as an integer and scaled by a power of ten
/// that a double holds exactly, which leaves a relative error below 2 units in the double's last place; unless the
/// result lies within a few units of the middle between two floats, rounding it gives the nearest float (W. Clinger,
/// "How to read floating point numbers accurately", 1990, is the source of the fast path). The rest goes to the
/// runtime's own parser. Whatever is not a plain array of finite numbers is left to the strict reader, which can say
/// what is wrong with it.
/// </summary>
internal static class FloatArrayParser
{
    private const int DigitsMax = 19;
    private const int ExactPowerMax = 22;

    /// <summary>
    /// Bits of a double below a float's last bit: the middle between two floats, and how near is too near.
    /// </summary>
    private const ulong TailMask = 0x1FFF_FFFF;
    private const long TailMiddle = 0x1000_0000;
    private const long TailGuard = 16;

    private static readonly double[] PowersOfTen =
    [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22,
    ];

    /// <summary>Parses from after the opening bracket to the closing one.</summary>
    /// <param name="json">The whole body.</param>
    /// <param name="start">First byte after the bracket.</param>
    /// <param name="buffer">Takes the numbers; grows as needed.</param>
    /// <param name="end">Position of the closing bracket.</param>
    /// <returns>False when the array is anything but plain finite numbers; nothing is to be used then.</returns>
    public static bool TryParse(ReadOnlySpan<byte> json, int start, FloatBuffer buffer, out int end)
    {
        buffer.Clear();
        var at = SkipSpace(json, start);
        end = at;
        if (at < json.Length && json[at] == ']') return true;
        while (true)
        {
            if (!TryNumber(json, ref at, out var value)) return false;
            buffer.Add(value);
            at = SkipSpace(json, at);
            if (at >= json.Length) return false;
            var next = json[at];
            if (next == ']')
            {
                end = at;
                return true;
            }

            if (next != ',') return false;
            at = SkipSpace(json, at + 1);
        }
    }

    private static int SkipSpace(ReadOnlySpan<byte> json, int at)
    {
        while (at < json.Length && json[at] is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t') at++;
        return at;
    }

    private static bool TryNumber(ReadOnlySpan<byte> json, ref int at, out float value)
    {
        var start = at;
        var i = at;
        value = 0;
        var negative = i < json.Length && json[i] == '-';
        if (negative) i++;
        var whole = i;
        ulong digits = 0;
        while (i < json.Length && (uint)(json[i] - '0') <= 9) digits = (digits * 10) + (uint)(json[i++] - '0');
        var digitCount = i - whole;
        // JSON takes neither an empty whole part nor a leading zero.
        if (digitCount == 0 || (digitCount > 1 && json[whole] == '0')) return false;
        var exponent = 0;
        if (i < json.Length && json[i] == '.')
        {
            var fraction = ++i;
            while (i < json.Length && (uint)(json[i] - '0') <= 9) digits = (digits * 10) + (uint)(json[i++] - '0');
            if (i == fraction) return false;
            exponent = fraction - i;
            digitCount += i - fraction;
        }

        if (i < json.Length && json[i] is (byte)'e' or (byte)'E' && !TryExponent(json, ref i, ref exponent))
            return false;
        at = i;
        if (digitCount <= DigitsMax && TryExact(digits, exponent, out value))
        {
            if (negative) value = -value;
            return true;
        }

        return float.TryParse(json[start..i], NumberStyles.Float, CultureInfo.InvariantCulture, out value)
            && float.IsFinite(value);
    }

    private static bool TryExponent(ReadOnlySpan<byte> json, ref int i, ref int exponent)
    {
        i++;
        var negative = i < json.Length && json[i] == '-';
        if (i < json.Length && json[i] is (byte)'-' or (byte)'+') i++;
        var first = i;
        var power = 0;
        // Beyond four digits the number is zero or too large, and the slow path says which.
        while (i < json.Length && (uint)(json[i] - '0') <= 9 && i - first < 5) power = (power * 10) + (json[i++] - '0');
        if (i == first || (i < json.Length && (uint)(json[i] - '0') <= 9)) return false;
        exponent += negative ? -power : power;
        return true;
    }

    private static bool TryExact(ulong digits, int exponent, out float value)
    {
        value = 0;
        if (digits == 0) return true;
        if ((uint)(exponent + ExactPowerMax) > 2 * ExactPowerMax) return false;
        var scaled = exponent < 0 ? digits / PowersOfTen[-exponent] : digits * PowersOfTen[exponent];
        var tail = (long)(BitConverter.DoubleToUInt64Bits(scaled) & TailMask);
        value = (float)scaled;
        return Math.Abs(tail - TailMiddle) > TailGuard && float.IsFinite(value);
    }
}
