using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>Which project may use which, and which packages at which version.</summary>
internal static partial class Projects
{
    /// <summary>Every arrow of the house; a project that is not here has none.</summary>
    public static readonly IReadOnlyDictionary<string, string[]> Arrows = new Dictionary<string, string[]>
    {
        ["Taishang.Server"] = ["Taishang.Ai", "Taishang.Core", "Taishang.WebConsole"],
        ["Taishang.Core"] = ["Taishang.Contracts", "Taishang.Executors", "Taishang.Hosting"],
        ["Taishang.Ai"] = ["Taishang.Contracts", "Taishang.Executors", "Taishang.Hosting", "Taishang.VectorEngine"],
        ["Taishang.WebConsole"] = ["Taishang.Hosting"],
        ["Taishang.Contracts"] = [],
        ["Taishang.Executors"] = [],
        ["Taishang.Hosting"] = [],
        ["Taishang.VectorEngine"] = [],
    };

    /// <summary>What generates its code has nothing of its own to test.</summary>
    private static readonly string[] Generated = ["Taishang.Contracts"];

    public static IEnumerable<string> WrongArrows(IEnumerable<SourceFile> projects)
    {
        var seen = new HashSet<string>();
        foreach (var project in projects)
        {
            var name = Path.GetFileNameWithoutExtension(project.Path);
            seen.Add(name);
            if (!Arrows.TryGetValue(name, out var allowed))
            {
                yield return $"{project.Path}: a project that the map of the house does not know";
                continue;
            }

            var found = References(project).ToArray();
            foreach (var extra in found.Except(allowed)) yield return $"{project.Path}: must not use {extra}";
            foreach (var missing in allowed.Except(found))
                yield return $"{project.Path}: has lost its arrow to {missing}";
        }

        foreach (var missing in Arrows.Keys.Except(seen)) yield return $"{missing}: the project is gone";
    }

    /// <summary>Samples and tools stand outside: they know the contract, not the code.</summary>
    public static IEnumerable<string> OutsidersWithArrows(IEnumerable<SourceFile> projects, params string[] allowed) =>
        from project in projects
        from reference in References(project)
        where !allowed.Contains(reference)
        select $"{project.Path}: must not use {reference}";

    /// <summary>A version stands in one place, and is one version.</summary>
    public static IEnumerable<string> LooseVersions(IEnumerable<SourceFile> projects, SourceFile central)
    {
        foreach (var project in projects)
        {
            foreach (var package in Elements(project, "PackageReference"))
            {
                if (package.Attribute("Version") is not null || package.Attribute("VersionOverride") is not null
                    || package.Elements().Any(e => e.Name.LocalName == "Version"))
                    yield return $"{project.Path}: {Name(package)} has a version of its own";
            }
        }

        foreach (var package in Elements(central, "PackageVersion"))
        {
            var version = (string?)package.Attribute("Version") ?? "";
            if (!ExactVersion().IsMatch(version))
                yield return $"{central.Path}: {Name(package)} '{version}' is not one exact version";
        }
    }

    public static IEnumerable<string> UnusedVersions(IEnumerable<SourceFile> projects, SourceFile central)
    {
        var used = projects.SelectMany(p => Elements(p, "PackageReference")).Select(Name).ToHashSet();
        return from package in Elements(central, "PackageVersion")
               where !used.Contains(Name(package))
               select $"{central.Path}: no project uses {Name(package)}";
    }

    /// <summary>Each project with code has tests beside it.</summary>
    public static IEnumerable<string> Untested(IReadOnlyCollection<string> files) =>
        from name in Arrows.Keys
        where !Generated.Contains(name)
        where Code(files, $"src/{name}/").Any()
        where !files.Contains($"test/{name}.Tests/{name}.Tests.csproj")
        select $"src/{name}: has no test/{name}.Tests";

    /// <summary>A folder of tests carries the name of the folder that it tests.</summary>
    public static IEnumerable<string> StrayTestFolders(
        IReadOnlyCollection<string> files, string project, params string[] own)
    {
        var rooms = Rooms(files, $"src/{project}/");
        return from room in Rooms(files, $"test/{project}.Tests/")
               where !rooms.Contains(room) && !own.Contains(room)
               select $"test/{project}.Tests/{room}: there is no src/{project}/{room}";
    }

    private static IEnumerable<string> Code(IEnumerable<string> files, string root) =>
        from file in files
        where file.StartsWith(root, StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal)
        select file;

    private static HashSet<string> Rooms(IEnumerable<string> files, string root) =>
        Code(files, root)
            .Select(file => file[root.Length..]).Where(rest => rest.Contains('/'))
            .Select(rest => rest[..rest.IndexOf('/')]).ToHashSet();

    private static IEnumerable<string> References(SourceFile project) =>
        Elements(project, "ProjectReference").Select(e => Path.GetFileNameWithoutExtension(Name(e)));

    private static IEnumerable<XElement> Elements(SourceFile file, string name) =>
        XDocument.Parse(file.Text).Descendants().Where(e => e.Name.LocalName == name);

    private static string Name(XElement element) => (string?)element.Attribute("Include") ?? "";

    [GeneratedRegex(@"^[0-9]+\.[0-9]+\.[0-9]+(\.[0-9]+)?(-[0-9A-Za-z.]+)?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex ExactVersion();
}
