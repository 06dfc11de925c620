using System.Globalization;
using System.Text.RegularExpressions;

namespace Taishang.ContractDiff.Protos;

/// <summary>The tokens of one .proto file, comments dropped, read from front to back.</summary>
internal sealed partial class ProtoTokens
{
    /// <summary>A file above this is not a contract that people wrote.</summary>
    private const int TextCharsMax = 4 * 1024 * 1024;

    private readonly string _file;
    private readonly List<(string Text, int Line)> _tokens = [];
    private int _next;

    public ProtoTokens(string file, string text)
    {
        if (text.Length > TextCharsMax) throw new FormatException($"{file}: larger than {TextCharsMax} characters");
        _file = file;
        var line = 1;
        foreach (Match match in Token().Matches(text))
        {
            if (!match.Groups["skip"].Success) _tokens.Add((match.Value, line));
            line += match.Value.Count(c => c == '\n');
        }
    }

    public bool AtEnd => _next >= _tokens.Count;

    public string Peek => AtEnd ? "" : _tokens[_next].Text;

    public string Take()
    {
        if (AtEnd) throw new FormatException($"{_file}: ends too early");
        return _tokens[_next++].Text;
    }

    public bool TryTake(string text)
    {
        if (Peek != text) return false;
        _next++;
        return true;
    }

    public void Expect(string text)
    {
        if (!TryTake(text)) throw Wrong($"'{text}'");
    }

    public int TakeNumber()
    {
        var negative = TryTake("-");
        var text = Take();
        var hex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        if (!long.TryParse(hex ? text[2..] : text, hex ? NumberStyles.HexNumber : NumberStyles.None,
                CultureInfo.InvariantCulture, out var number))
        {
            _next--;
            throw Wrong("a number");
        }

        return (int)(negative ? -number : number);
    }

    /// <summary>Skips what stands up to a semicolon, or a whole block in braces.</summary>
    public void SkipStatement()
    {
        var depth = 0;
        while (true)
        {
            var token = Take();
            if (token == "{") depth++;
            if (token == "}" && --depth == 0) return;
            if (token == ";" && depth == 0) return;
        }
    }

    /// <summary>Skips the options of a field in brackets, where there are any.</summary>
    public void SkipOptions()
    {
        if (!TryTake("[")) return;
        for (var depth = 1; depth > 0;)
        {
            var token = Take();
            if (token == "[") depth++;
            if (token == "]") depth--;
        }
    }

    public FormatException Wrong(string expected) => new(
        $"{_file}, line {(AtEnd ? 0 : _tokens[_next].Line)}: expected {expected}, came '{Peek}'");

    [GeneratedRegex("""
        (?<skip>\s+|//[^\n]*|/\*.*?\*/)
        |"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'
        |\.?[A-Za-z_][A-Za-z0-9_.]*
        |[0-9][0-9A-Za-z.]*
        |.
        """, RegexOptions.Singleline | RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 10_000)]
    private static partial Regex Token();
}
