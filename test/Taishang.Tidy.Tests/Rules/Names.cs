using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>Names that say nothing, and names that break compilation here.</summary>
internal static partial class Names
{
    private static readonly string[] Empty =
        ["Common", "Shared", "Utils", "Utilities", "Helpers", "Managers", "Services", "Misc"];

    public static IEnumerable<string> EmptyFolders(IEnumerable<string> files) =>
        (from file in files
         let folder = Path.GetDirectoryName(file)!.Replace('\\', '/')
         from part in folder.Split('/', '.')
         where Empty.Contains(part, StringComparer.OrdinalIgnoreCase)
         select $"{folder}: '{part}' does not say what is in it").Distinct();

    /// <summary>A namespace Taishang.Console hides System.Console, a folder System in Core hides System.</summary>
    public static IEnumerable<string> HidingNames(IEnumerable<SourceFile> files) =>
        from file in files
        let name = Hiding().Match(CodeText.Blank(file.Text))
        where name.Success
        select $"{file.Path}: '{name.Value.Trim()}' hides a name that everyone uses";

    /// <summary>Decisions are numbered once.</summary>
    public static IEnumerable<string> Decisions(IEnumerable<string> files)
    {
        var numbers = new Dictionary<string, string>();
        foreach (var file in files.Where(f => f.StartsWith("docs/decisions/", StringComparison.Ordinal)))
        {
            var match = Decision().Match(file);
            if (!match.Success) yield return $"{file}: expected NNNN-title.md";
            else if (!numbers.TryAdd(match.Groups["number"].Value, file))
                yield return $"{file}: the number belongs to {numbers[match.Groups["number"].Value]}";
        }
    }

    [GeneratedRegex(
        @"\bnamespace Taishang\.Console\b|\bnamespace Taishang\.Core\.System\b|\b(class|record|struct) Task\b(?!s|<)",
        RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex Hiding();

    [GeneratedRegex(@"^docs/decisions/(?<number>[0-9]{4})-[a-z0-9-]+\.md$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Decision();
}
