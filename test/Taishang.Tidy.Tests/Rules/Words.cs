using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>Words that must not stand in a tracked file.</summary>
internal static partial class Words
{
    /// <summary>Put together here, so that this file does not contain what it forbids.</summary>
    private static readonly string[] Unfinished =
        ["TO" + "DO", "FIX" + "ME", "XX" + "X:", "NotImplemented" + "Exception", "#reg" + "ion"];

    public static IEnumerable<string> UnfinishedWork(IEnumerable<SourceFile> files) =>
        from file in files
        from line in file.Lines.Index()
        from word in Unfinished
        where line.Item.Contains(word, StringComparison.Ordinal)
        select $"{file.Path}:{line.Index + 1}: '{word}' is left behind";

    /// <summary>Paths of one machine: they are wrong on every other.</summary>
    public static IEnumerable<string> MachinePaths(IEnumerable<SourceFile> files) =>
        Matches(files, MachinePath(), "a path of one machine");

    /// <summary>Where packages come from is the machine's affair, never the repository's.</summary>
    public static IEnumerable<string> RegistryHosts(IEnumerable<SourceFile> files) =>
        Matches(files, RegistryHost(), "a host that serves packages");

    private static IEnumerable<string> Matches(IEnumerable<SourceFile> files, Regex pattern, string what) =>
        from file in files
        from line in file.Lines.Index()
        let match = pattern.Match(line.Item)
        where match.Success
        select $"{file.Path}:{line.Index + 1}: '{match.Value}' is {what}";

    [GeneratedRegex(
        @"(?<![\w./$}~-])(/(work|home|root|Users|mnt|private|tmp/w)/[\w.-]+|[A-Z]:\\Users\\)",
        RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex MachinePath();

    [GeneratedRegex(
        @"https?://[\w.-]*\b(nuget|npmjs|pypi|pythonhosted|registry|artifactory|nexus|mirrors?|proxy\.golang)\b[\w.-]*"
        + @"|<package[S]ources>",
        RegexOptions.IgnoreCase | RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex RegistryHost();
}
