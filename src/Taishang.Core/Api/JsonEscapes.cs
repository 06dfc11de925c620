using System.Globalization;

namespace Taishang.Core.Api;

/// <summary>
/// Finds escapes that are JSON but no text: half a surrogate pair, which UTF-8 can not hold, and U+0000, which
/// PostgreSQL does not keep. The parser lets both pass inside values that are kept as they are, such as metadata.
/// </summary>
internal static class JsonEscapes
{
    private const int EscapeLength = 6;

    /// <exception cref="ApiException">The text holds such an escape.</exception>
    public static void Check(ReadOnlySpan<byte> json)
    {
        var at = 0;
        while (true)
        {
            var step = json[at..].IndexOf((byte)'\\');
            if (step < 0) return;
            at += step;
            if (Unit(json, at) is not { } unit)
            {
                at += 2;
                if (at >= json.Length) return;
                continue;
            }

            if (unit == 0) throw Refuse(at, "the character U+0000 is not taken");
            if (char.IsLowSurrogate((char)unit)) throw Refuse(at, "a low surrogate without its high one");
            at += EscapeLength;
            if (!char.IsHighSurrogate((char)unit)) continue;
            if (Unit(json, at) is not { } low || !char.IsLowSurrogate((char)low))
                throw Refuse(at - EscapeLength, "a high surrogate without its low one");
            at += EscapeLength;
        }
    }

    /// <summary>The UTF-16 unit that an escape at this place stands for; null when there is none.</summary>
    private static int? Unit(ReadOnlySpan<byte> json, int at)
    {
        if (at + EscapeLength > json.Length || json[at] != '\\' || json[at + 1] != 'u') return null;
        return int.TryParse(json.Slice(at + 2, 4), NumberStyles.AllowHexSpecifier, null, out var unit) ? unit : null;
    }

    private static ApiException Refuse(int at, string why) =>
        new(ErrorCodes.MalformedJson, $"body: {why} (byte {at + 1})");
}
