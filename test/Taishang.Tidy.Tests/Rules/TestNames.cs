using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>Tests that a page names as its witnesses, <c>Class.Method</c>, have to exist.</summary>
internal static partial class TestNames
{
    public static IEnumerable<string> Missing(SourceFile page, IEnumerable<SourceFile> tests)
    {
        var all = tests.ToList();
        return from line in page.Lines.Index()
               from Match name in Name().Matches(line.Item)
               let type = name.Groups["type"].Value
               let method = name.Groups["method"].Value
               where !all.Exists(file => Declares(file, "class", type) && file.Text.Contains($" {method}("))
               select $"{page.Path}:{line.Index + 1}: there is no test {name.Value}";
    }

    private static bool Declares(SourceFile file, string kind, string name) =>
        Regex.IsMatch(file.Text, $@"\b{kind} {name}\b", RegexOptions.None, TimeSpan.FromSeconds(1));

    [GeneratedRegex(@"`(?<type>[A-Z]\w*)\.(?<method>[A-Z][a-z]*_\w+)`", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Name();
}
