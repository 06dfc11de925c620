using System.Text.Json;

namespace Taishang.Samples.FirstSearch;

/// <summary>A text with its id: a passage or a question.</summary>
internal sealed record TextEntry(string Id, string Text);

/// <summary>Passages, questions and, where there are any, judgements of which passage answers which question.</summary>
internal sealed record Corpus(
    IReadOnlyList<TextEntry> Documents,
    IReadOnlyList<TextEntry> Queries,
    IReadOnlyDictionary<string, HashSet<string>> Relevant)
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);

    /// <exception cref="FormatException">A line is not what its file promises; the message names file and
    /// line.</exception>
    public static Corpus Read(DirectoryInfo folder)
    {
        var qrels = Path.Combine(folder.FullName, "qrels.tsv");
        return new Corpus(
            Entries(Path.Combine(folder.FullName, "corpus.jsonl")),
            Entries(Path.Combine(folder.FullName, "queries.jsonl")),
            File.Exists(qrels) ? Judgements(qrels) : new Dictionary<string, HashSet<string>>());
    }

    private static List<TextEntry> Entries(string path)
    {
        var entries = new List<TextEntry>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (line.Length == 0) continue;
            entries.Add(Entry(line) ?? throw new FormatException($"{path} line {number}: expected {{id, text}}"));
        }

        return entries;
    }

    private static TextEntry? Entry(string line)
    {
        try
        {
            return JsonSerializer.Deserialize<TextEntry>(line, Json) is { Id: not null, Text: not null } entry
                ? entry
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static Dictionary<string, HashSet<string>> Judgements(string path)
    {
        var relevant = new Dictionary<string, HashSet<string>>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            // The first line names the columns.
            if (++number == 1 || line.Length == 0) continue;
            var columns = line.Split('\t');
            if (columns.Length != 3)
                throw new FormatException($"{path} line {number}: expected three columns, came {columns.Length}");
            if (columns[2] == "0") continue;
            if (!relevant.TryGetValue(columns[0], out var documents)) relevant[columns[0]] = documents = [];
            documents.Add(columns[1]);
        }

        return relevant;
    }
}
