using System.Text.RegularExpressions;

namespace Taishang.Tidy.Tests.Rules;

/// <summary>
/// The page on the data model names every table and column of the schema with its type, and no others.
/// </summary>
internal static partial class DataModel
{
    public static IEnumerable<string> Differences(IEnumerable<SourceFile> schema, SourceFile document)
    {
        var files = schema.ToArray();
        var dropped = files.SelectMany(file => DroppedTable().Matches(file.Text))
            .Select(match => match.Groups["table"].Value + ".").ToArray();
        var inSchema = files.SelectMany(InSchema)
            .Where(column => !dropped.Any(table => column.StartsWith(table, StringComparison.Ordinal))).ToHashSet();
        var inDocument = InDocument(document).ToHashSet();
        foreach (var column in inSchema.Except(inDocument).Order())
            yield return $"{document.Path}: lacks {column}";
        foreach (var column in inDocument.Except(inSchema).Order())
            yield return $"{document.Path}: {column} is not in the schema";
    }

    private static IEnumerable<string> InSchema(SourceFile file)
    {
        var text = file.Text.ReplaceLineEndings("\n").Replace("{month}", "YYYYMM");
        foreach (Match table in Table().Matches(text))
        {
            foreach (Match column in Column().Matches(table.Groups["columns"].Value))
                yield return $"{table.Groups["name"].Value}.{Column(column)}";
        }

        foreach (Match added in AddedColumn().Matches(text))
            yield return $"{added.Groups["table"].Value}.{Column(added)}";
    }

    private static IEnumerable<string> InDocument(SourceFile document)
    {
        var table = "";
        foreach (var line in document.Lines)
        {
            if (line.StartsWith("### ", StringComparison.Ordinal)) table = line[4..].Trim();
            if (Row().Match(line) is { Success: true } row)
                yield return $"{table}.{Column(row)}";
        }
    }

    private static string Column(Match match) => $"{match.Groups["name"].Value} {match.Groups["type"].Value}";

    [GeneratedRegex(
        @"CREATE TABLE (IF NOT EXISTS )?(?<name>\w+) \((?<columns>.*?)\n\);",
        RegexOptions.Singleline | RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex Table();

    [GeneratedRegex(
        @"^    (?<name>[a-z_0-9]+) +(?<type>[A-Z]+(\(\d+\))?)", RegexOptions.Multiline | RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex Column();

    [GeneratedRegex(
        @"ALTER TABLE (?<table>\w+) ADD COLUMN (?<name>\w+) +(?<type>[A-Z]+(\(\d+\))?)", RegexOptions.ExplicitCapture,
        1000)]
    private static partial Regex AddedColumn();

    [GeneratedRegex(@"^DROP TABLE (?<table>\w+);", RegexOptions.Multiline | RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex DroppedTable();

    [GeneratedRegex(@"^\| `(?<name>[a-z_0-9]+)` \| (?<type>[A-Z0-9()]+) \|", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Row();
}
