using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Taishang.EmbedderTables;

/// <summary>Cuts files of several kinds into passages of running text of about the same length.</summary>
internal static partial class SourceText
{
    // Frequencies by passage mean something only if the passages are alike; these are paragraph-sized.
    private const int PassageCharactersWestern = 600;
    private const int PassageCharactersChinese = 200;

    public static IEnumerable<string> Passages(string file, bool chinese)
    {
        int wanted = chinese ? PassageCharactersChinese : PassageCharactersWestern;
        var passage = new StringBuilder();
        foreach (string paragraph in Paragraphs(file))
        {
            passage.Append(paragraph).Append(' ');
            if (passage.Length < wanted) continue;
            yield return passage.ToString();
            passage.Clear();
        }
        if (passage.Length > wanted / 3) yield return passage.ToString();
    }

    private static string[] Paragraphs(string file)
    {
        string text = File.ReadAllText(file);
        switch (Path.GetExtension(file))
        {
            case ".html" or ".xhp" or ".page":
                text = Invisible().Replace(text, " ");
                text = Blocks().Replace(text, "\n\n");
                text = WebUtility.HtmlDecode(Tags().Replace(text, ""));
                break;
            case ".man":
                text = RoffMacros().Replace(text, "\n");
                text = RoffEscapes().Replace(text, "");
                break;
            case ".fortune":
                text = text.Replace("\n%\n", "\n\n", StringComparison.Ordinal);
                text = TerminalCodes().Replace(text, "");
                break;
        }
        return [.. text.Split("\n\n").Select(part => part.Trim()).Where(part => part.Length > 0)];
    }

    [GeneratedRegex(@"<(?<tag>script|style|head)\b[^>]*>.*?</\k<tag>>|<!--.*?-->", RegexOptions.Singleline, 10_000)]
    private static partial Regex Invisible();

    [GeneratedRegex(@"</?(?:p|div|li|ul|ol|h\d|tr|td|th|table|pre|dt|dd|title|section|item|br|para|paragraph)\b[^>]*>",
        RegexOptions.None, 10_000)]
    private static partial Regex Blocks();

    [GeneratedRegex("<[^>]*>", RegexOptions.None, 10_000)]
    private static partial Regex Tags();

    [GeneratedRegex(@"^[.'].*$", RegexOptions.Multiline, 10_000)]
    private static partial Regex RoffMacros();

    [GeneratedRegex(@"\\f.|\\\(..|\\.", RegexOptions.None, 10_000)]
    private static partial Regex RoffEscapes();

    [GeneratedRegex(@"\x1B\[[0-9;]*m", RegexOptions.None, 10_000)]
    private static partial Regex TerminalCodes();
}
