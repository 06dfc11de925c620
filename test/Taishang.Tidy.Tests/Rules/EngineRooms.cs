using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>The rooms of the vector engine, each using only rooms above it.</summary>
internal static partial class EngineRooms
{
    private const string Root = "src/Taishang.VectorEngine/";

    /// <summary>From the top: a room may use what stands before it.</summary>
    private static readonly string[] Order =
    [
        "Memory", "Distances", "Storage", "Quantization", "Filtering", "Indexes", "Log", "Segments",
    ];

    public static IEnumerable<string> WrongArrows(IEnumerable<SourceFile> files)
    {
        foreach (var file in files)
        {
            var rest = file.Path[Root.Length..];
            var slash = rest.IndexOf('/');
            var room = slash < 0 ? "" : rest[..slash];
            var rank = room.Length == 0 ? Order.Length : Array.IndexOf(Order, room);
            if (rank < 0)
            {
                yield return $"{file.Path}: {room} is not a room of the engine";
                continue;
            }

            foreach (Match use in UsedRoom().Matches(CodeText.Blank(file.Text)))
            {
                var used = Array.IndexOf(Order, use.Groups["room"].Value);
                if (used > rank) yield return $"{file.Path}: {room} must not use {Order[used]}";
            }
        }
    }

    /// <summary>A namespace says where its file lies.</summary>
    public static IEnumerable<string> WrongNamespaces(IEnumerable<SourceFile> files, string project)
    {
        var root = $"src/{project}/";
        foreach (var file in files)
        {
            if (NamespaceOf().Match(file.Text) is not { Success: true } found) continue;
            var folder = Path.GetDirectoryName(file.Path[root.Length..])!.Replace('\\', '/').Replace('/', '.');
            var expected = folder.Length == 0 ? project : $"{project}.{folder}";
            if (found.Groups["name"].Value != expected)
                yield return $"{file.Path}: namespace {found.Groups["name"].Value}, expected {expected}";
        }
    }

    [GeneratedRegex(@"\bTaishang\.VectorEngine\.(?<room>[A-Z]\w+)", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex UsedRoom();

    [GeneratedRegex(@"^namespace (?<name>[\w.]+);", RegexOptions.Multiline, 1000)]
    private static partial Regex NamespaceOf();
}
