using System.Diagnostics;

namespace Taishang.Tidy.Tests;

/// <summary>The files of this repository as they lie on disk.</summary>
internal static class Repository
{
    private static readonly Lazy<string> LazyRoot = new(FindRoot);
    private static readonly Lazy<IReadOnlyList<string>> LazyFiles = new(FindFiles);

    public static string Root => LazyRoot.Value;

    /// <summary>Tracked files and new ones that are not ignored, relative to the root, with slashes.</summary>
    public static IReadOnlyList<string> Files => LazyFiles.Value;

    public static string File(string relative) => Path.Combine(Root, relative);

    public static string Read(string relative) => System.IO.File.ReadAllText(File(relative));

    /// <summary>True for a tracked file, and for a folder that holds one.</summary>
    public static bool Exists(string relative) => Files.Contains(relative)
        || Files.Any(file => file.StartsWith(relative + "/", StringComparison.Ordinal));

    public static IEnumerable<SourceFile> Sources(string extension, params string[] folders) =>
        from file in Files
        where file.EndsWith(extension, StringComparison.Ordinal)
        where folders.Length == 0 || folders.Any(folder => file.StartsWith(folder + "/", StringComparison.Ordinal))
        select new SourceFile(file, Read(file));

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "Taishang.slnx"))) return folder.FullName;
        }

        throw new InvalidOperationException("the tests do not run inside the repository");
    }

    private static List<string> FindFiles()
    {
        var start = new ProcessStartInfo("git")
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            WorkingDirectory = Root,
        };
        foreach (var argument in (string[])["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            start.ArgumentList.Add(argument);
        using var git = Process.Start(start) ?? throw new InvalidOperationException("git did not start");
        var listed = git.StandardOutput.ReadToEnd().Split('\0', StringSplitOptions.RemoveEmptyEntries);
        git.WaitForExit();
        // A file deleted but not yet committed is listed and gone.
        return [.. listed.Distinct().Where(file => System.IO.File.Exists(File(file))).Order(StringComparer.Ordinal)];
    }
}

/// <param name="Path">Relative to the root, with slashes.</param>
internal sealed record SourceFile(string Path, string Text)
{
    public string[] Lines { get; } = Text.ReplaceLineEndings("\n").Split('\n');
}
