using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>How long files, methods, lines and entry files may be.</summary>
internal static partial class Sizes
{
    public const int FileLinesMax = 400;
    public const int MethodLinesMax = 70;
    public const int ColumnsMax = 120;
    public const int EntryLinesMax = 60;

    public static IEnumerable<string> LongFiles(IEnumerable<SourceFile> files) =>
        from file in files
        where Count(file) > FileLinesMax
        select $"{file.Path}: {Count(file)} lines, at most {FileLinesMax}";

    public static IEnumerable<string> LongLines(IEnumerable<SourceFile> files) =>
        from file in files
        from line in file.Lines.Index()
        where line.Item.Length > ColumnsMax
        select $"{file.Path}:{line.Index + 1}: {line.Item.Length} columns, at most {ColumnsMax}";

    /// <summary>Program.cs, and what adds and maps a project as a whole.</summary>
    public static IEnumerable<string> LongEntryFiles(IEnumerable<SourceFile> files) =>
        from file in files
        where file.Path.EndsWith("/Program.cs", StringComparison.Ordinal)
            || (file.Path.EndsWith("Setup.cs", StringComparison.Ordinal) && file.Path.Count(c => c == '/') == 2)
        where Count(file) > EntryLinesMax
        select $"{file.Path}: {Count(file)} lines, an entry file has at most {EntryLinesMax}";

    public static IEnumerable<string> LongMethods(IEnumerable<SourceFile> files) =>
        from file in files
        from method in Methods(CodeText.Blank(file.Text))
        where method.Lines > MethodLinesMax
        select $"{file.Path}:{method.Line}: {method.Lines} lines, a method has at most {MethodLinesMax}";

    private static int Count(SourceFile file) => file.Lines[^1].Length == 0 ? file.Lines.Length - 1 : file.Lines.Length;

    /// <summary>
    /// Each block that hangs on a member of a type. What opens a block is told by the text before it: a type's keyword,
    /// or a bracket of parameters; a field's initialiser is neither.
    /// </summary>
    private static IEnumerable<(int Line, int Lines)> Methods(string code)
    {
        var containers = new Stack<bool>();
        var (headStart, line, depth) = (0, 1, 0);
        (int Line, int Depth)? member = null;
        for (var i = 0; i < code.Length; i++)
        {
            switch (code[i])
            {
                case '\n':
                    line++;
                    break;
                case '{':
                    var head = Head(code[headStart..i]);
                    var isContainer = member is null && Container().IsMatch(Constraints().Replace(head, ""));
                    if (member is null && !isContainer && Callable().IsMatch(head))
                        member = (line - head.Count(c => c == '\n'), depth);
                    containers.Push(isContainer);
                    depth++;
                    if (member is null) headStart = i + 1;
                    break;
                case '}':
                    depth--;
                    if (containers.Count > 0) containers.Pop();
                    if (member is { } open && open.Depth == depth)
                    {
                        yield return (open.Line, line - open.Line + 1);
                        member = null;
                    }

                    if (member is null) headStart = i + 1;
                    break;
                case ';' when member is null:
                    headStart = i + 1;
                    break;
            }
        }
    }

    /// <summary>What stands before a block, without the attributes in front: rows of test data are no method.</summary>
    private static string Head(string text)
    {
        text = text.TrimStart();
        while (text.StartsWith('['))
        {
            var depth = 0;
            var end = 0;
            do
            {
                if (text[end] == '[') depth++;
                if (text[end] == ']') depth--;
                end++;
            }
            while (depth > 0 && end < text.Length);
            text = text[end..].TrimStart();
        }

        return text;
    }

    [GeneratedRegex(@"\bwhere\b.*$|\([^()]*\)", RegexOptions.Singleline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Constraints();

    [GeneratedRegex(
        @"\b(class|struct|record|interface|enum|namespace|extension)\b[^=]*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Container();

    [GeneratedRegex(@"^[^=]*\(|^[^=(]*=>", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Callable();
}
