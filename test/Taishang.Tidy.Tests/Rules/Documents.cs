using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>Links lead somewhere, and the two languages say the same.</summary>
internal static partial class Documents
{
    public static IEnumerable<string> BrokenLinks(IEnumerable<SourceFile> documents, Func<string, bool> exists)
    {
        foreach (var document in documents)
        {
            var folder = Path.GetDirectoryName(document.Path)!.Replace('\\', '/');
            foreach (var (line, text) in Prose(document))
            {
                foreach (Match link in Link().Matches(text))
                {
                    var target = link.Groups["target"].Value.Split('#')[0];
                    if (target.Length == 0 || target.Contains("://", StringComparison.Ordinal)
                        || target.StartsWith("mailto:", StringComparison.Ordinal))
                        continue;
                    if (!exists(Normalised(folder, target)))
                        yield return $"{document.Path}:{line}: '{target}' leads nowhere";
                }
            }
        }
    }

    /// <summary>Headings by level: a section that one language lacks shows as a difference.</summary>
    public static IEnumerable<string> UnequalHeadings(SourceFile one, SourceFile other)
    {
        var (left, right) = (Levels(one), Levels(other));
        for (var i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            var (l, r) = (left.ElementAtOrDefault(i), right.ElementAtOrDefault(i));
            if (l == r) continue;
            yield return $"{one.Path} and {other.Path} part at heading {i + 1}: level {l} and {r}";
            yield break;
        }
    }

    private static int[] Levels(SourceFile document) =>
        [.. Prose(document).Select(l => l.Text.TakeWhile(c => c == '#').Count()).Where(level => level > 0)];

    /// <summary>Lines outside of fenced code.</summary>
    private static IEnumerable<(int Line, string Text)> Prose(SourceFile document)
    {
        var fenced = false;
        foreach (var (index, line) in document.Lines.Index())
        {
            if (line.TrimStart().StartsWith("```", StringComparison.Ordinal)) fenced = !fenced;
            else if (!fenced) yield return (index + 1, line);
        }
    }

    private static string Normalised(string folder, string target)
    {
        var parts = new List<string>();
        foreach (var part in $"{(target.StartsWith('/') ? "" : folder)}/{target}".Split('/'))
        {
            if (part == ".." && parts.Count > 0) parts.RemoveAt(parts.Count - 1);
            else if (part is not ("" or ".")) parts.Add(part);
        }

        return string.Join('/', parts);
    }

    [GeneratedRegex(@"(?<!`)\[[^\]]*\]\((?<target>[^)\s]+)\)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Link();
}
