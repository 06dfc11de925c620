using System.Text;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>
/// C# with comments, strings and characters blanked out, line breaks kept: what is left of a brace is a brace. Knows
/// verbatim, interpolated and raw strings; what stands inside the holes of an interpolated string is blanked with it.
/// </summary>
internal static class CodeText
{
    public static string Blank(string code)
    {
        var result = new StringBuilder(code.Length);
        var at = 0;
        while (at < code.Length)
        {
            var end = EndOfBlank(code, at);
            if (end == at)
            {
                result.Append(code[at++]);
                continue;
            }

            for (; at < end; at++) result.Append(code[at] == '\n' ? '\n' : ' ');
        }

        return result.ToString();
    }

    private static int EndOfBlank(string code, int at)
    {
        var rest = code.AsSpan(at);
        if (rest.StartsWith("//")) return at + Until(rest, "\n", 0);
        if (rest.StartsWith("/*")) return at + Until(rest, "*/", 2) + 2;
        if (rest[0] == '\'') return at + EndOfPlain(rest, 1, '\'');
        var prefix = rest.IndexOfAnyExcept('$', '@');
        if (prefix < 0 || rest[prefix] != '"') return at;
        var quotes = rest[prefix..].IndexOfAnyExcept('"');
        if (quotes < 0) quotes = rest.Length - prefix;
        if (quotes >= 3) return at + EndOfRaw(rest, prefix, quotes);
        if (rest[..prefix].Contains('@')) return at + EndOfVerbatim(rest, prefix + 1);
        return at + EndOfPlain(rest, prefix + 1, '"');
    }

    private static int Until(ReadOnlySpan<char> text, string mark, int from)
    {
        var found = text[from..].IndexOf(mark);
        return found < 0 ? text.Length - (mark == "*/" ? 2 : 0) : from + found;
    }

    private static int EndOfPlain(ReadOnlySpan<char> text, int from, char quote)
    {
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] == '\\') i++;
            else if (text[i] == quote || text[i] == '\n') return i + 1;
        }

        return text.Length;
    }

    private static int EndOfVerbatim(ReadOnlySpan<char> text, int from)
    {
        for (var i = from; i < text.Length; i++)
        {
            if (text[i] != '"') continue;
            if (i + 1 >= text.Length || text[i + 1] != '"') return i + 1;
            i++;
        }

        return text.Length;
    }

    private static int EndOfRaw(ReadOnlySpan<char> text, int prefix, int quotes)
    {
        var mark = new string('"', quotes);
        var from = prefix + quotes;
        var found = text[from..].IndexOf(mark);
        return found < 0 ? text.Length : from + found + quotes;
    }
}
