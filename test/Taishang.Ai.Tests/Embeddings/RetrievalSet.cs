using System.Numerics.Tensors;
using System.Text.Json;

namespace Taishang.Ai.Tests.Embeddings;

/// <summary>
/// A retrieval test collection in a folder: corpus.jsonl and queries.jsonl of {id, text}, qrels.tsv of (query,
/// document,
/// score). Judged by nDCG@10 with binary relevance, searched exactly.
/// </summary>
internal sealed class RetrievalSet
{
    private const int Depth = 10;
    private readonly Dictionary<string, HashSet<string>> _relevant = [];

    private RetrievalSet(string folder)
    {
        Name = Path.GetFileName(folder);
        Corpus = Read(Path.Combine(folder, "corpus.jsonl"));
        List<KeyValuePair<string, string>> queries = Read(Path.Combine(folder, "queries.jsonl"));
        foreach (string line in File.ReadLines(Path.Combine(folder, "qrels.tsv")).Skip(1))
        {
            string[] fields = line.Split('\t');
            if (fields.Length < 3 || fields[2] == "0") continue;
            if (!_relevant.TryGetValue(fields[0], out HashSet<string>? documents))
                _relevant[fields[0]] = documents = [];
            documents.Add(fields[1]);
        }
        Queries = [.. queries.Where(query => _relevant.ContainsKey(query.Key))];
    }

    public string Name { get; }

    /// <summary>Ids and texts of the documents.</summary>
    public List<KeyValuePair<string, string>> Corpus { get; }

    /// <summary>Ids and texts of the queries that have a judgement.</summary>
    public List<KeyValuePair<string, string>> Queries { get; }

    /// <summary>
    /// The folder of test data: TAISHANG_TEST_DATA, or shared/data beside a folder above; null if absent.
    /// </summary>
    public static string? DataFolder()
    {
        string? named = Environment.GetEnvironmentVariable("TAISHANG_TEST_DATA");
        if (!string.IsNullOrEmpty(named)) return Directory.Exists(named) ? named : null;
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            string candidate = Path.Combine(at.FullName, "shared", "data");
            if (File.Exists(Path.Combine(candidate, "README.md"))) return candidate;
        }
        return null;
    }

    /// <summary>Loads a set by its folder's name; null if the test data or this set is absent.</summary>
    public static RetrievalSet? Find(string name)
    {
        string? folder = DataFolder() is { } data ? Path.Combine(data, name) : null;
        return folder is not null && Directory.Exists(folder) ? new RetrievalSet(folder) : null;
    }

    /// <summary>nDCG@10 of unit vectors, row after row in the order of corpus and queries.</summary>
    public double Judge(float[] documents, float[] queries, int dimensions)
    {
        double sum = 0;
        Lock gate = new();
        Parallel.For(0, Queries.Count, query =>
        {
            double gain = GainOf(query, documents, queries.AsSpan(query * dimensions, dimensions), dimensions);
            lock (gate) sum += gain;
        });
        return sum / Queries.Count;
    }

    private double GainOf(int query, float[] documents, ReadOnlySpan<float> vector, int dimensions)
    {
        var best = new PriorityQueue<int, (float Score, int Order)>(Depth + 1);
        for (int row = 0; row < Corpus.Count; row++)
        {
            float score = TensorPrimitives.Dot(vector, documents.AsSpan(row * dimensions, dimensions));
            best.Enqueue(row, (score, -row));
            if (best.Count > Depth) best.Dequeue();
        }
        HashSet<string> relevant = _relevant[Queries[query].Key];
        double gain = 0;
        while (best.Count > 0)
        {
            int rank = best.Count; // The worst of the kept leaves first, so what is left counts its rank.
            if (relevant.Contains(Corpus[best.Dequeue()].Key)) gain += 1 / Math.Log2(rank + 1);
        }
        double ideal = 0;
        for (int rank = 1; rank <= Math.Min(Depth, relevant.Count); rank++) ideal += 1 / Math.Log2(rank + 1);
        return gain / ideal;
    }

    private static List<KeyValuePair<string, string>> Read(string file)
    {
        var rows = new List<KeyValuePair<string, string>>();
        foreach (string line in File.ReadLines(file))
        {
            using JsonDocument row = JsonDocument.Parse(line);
            string text = row.RootElement.GetProperty("text").GetString() ?? "";
            // A document without text can not be found by text; one collection has such a document.
            if (string.IsNullOrWhiteSpace(text)) continue;
            rows.Add(new(row.RootElement.GetProperty("id").ToString(), text));
        }
        return rows;
    }
}
