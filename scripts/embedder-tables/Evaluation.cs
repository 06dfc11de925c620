using System.Diagnostics;
using Taishang.Ai.Embeddings;
using Taishang.Ai.Models;
using Taishang.Ai.Tests.Embeddings;

namespace Taishang.EmbedderTables;

/// <summary>
/// Prints nDCG@10 on each evaluation set, and the speed, for a table and weights that are being tried.
/// </summary>
internal static class Evaluation
{
    private static readonly string[] Sets =
    [
        "xquad-en", "xquad-zh", "xquad-en-chunk", "xquad-zh-chunk", "xquad-zh2en", "xquad-en2zh",
        "cmrc2018-dev-chunk", "cranfield",
    ];

    public static int Run(string table, IEnumerable<string> trials)
    {
        InverseDocumentFrequencies frequencies = InverseDocumentFrequencies.Read(File.ReadAllBytes(table));
        List<RetrievalSet> sets = [.. Sets.Select(RetrievalSet.Find).OfType<RetrievalSet>()];
        Console.WriteLine("weights\t" + string.Join('\t', sets.Select(set => set.Name)));
        foreach (string trial in trials)
        {
            var weights = new HashingWeights { ByKind = [.. trial.Split(',').Select(int.Parse)] };
            var clock = Stopwatch.StartNew();
            long texts = 0;
            var figures = new List<string>();
            TimeSpan embedding = TimeSpan.Zero;
            foreach (RetrievalSet set in sets)
            {
                TimeSpan before = clock.Elapsed;
                float[] documents = Embed([.. set.Corpus.Select(row => row.Value)], frequencies, weights);
                float[] queries = Embed([.. set.Queries.Select(row => row.Value)], frequencies, weights);
                embedding += clock.Elapsed - before;
                texts += set.Corpus.Count + set.Queries.Count;
                figures.Add(set.Judge(documents, queries, HashingEmbedder.Dimensions).ToString("F3"));
            }
            Console.WriteLine($"{trial}\t{string.Join('\t', figures)}\t{texts / embedding.TotalSeconds:F0} texts/s");
        }
        return 0;
    }

    /// <summary>
    /// Prints how many sentences of 64 tokens a second the shipped embedder takes, English and Chinese.
    /// </summary>
    public static async Task<int> SpeedAsync()
    {
        foreach (string name in (string[])["xquad-en", "xquad-zh"])
        {
            if (RetrievalSet.Find(name) is not { } set) continue;
            string[] sentences = Sentences(set, name.EndsWith("zh", StringComparison.Ordinal));
            using var model = new BuiltinEmbeddingModel(new EmbeddingLimits());
            EmbeddingBatch warm = await model.EmbedAsync(sentences, CancellationToken.None);
            var clock = Stopwatch.StartNew();
            const int Rounds = 10;
            for (int round = 0; round < Rounds; round++)
                warm = await model.EmbedAsync(sentences, CancellationToken.None);
            double seconds = clock.Elapsed.TotalSeconds;
            Console.WriteLine($"{name}\t{sentences.Length} sentences of {warm.TotalTokens / warm.Count} tokens, "
                + $"{sentences.Average(text => text.Length):F0} characters\t"
                + $"{Rounds * sentences.Length / seconds:F0} sentences/s on {Environment.ProcessorCount} processors");
        }
        return 0;
    }

    private static string[] Sentences(RetrievalSet set, bool chinese)
    {
        const int Tokens = 64;
        const int Count = 5_000;
        string all = string.Join(' ', set.Corpus.Select(row => row.Value));
        string[] words = chinese ? [.. all.Select(piece => piece.ToString())] : all.Split(' ');
        var sentences = new List<string>();
        // Windows that begin at every seventh word, so that no two sentences are the same.
        for (int start = 0; sentences.Count < Count && start + Tokens < words.Length; start += 7)
            sentences.Add(string.Join(chinese ? "" : " ", words[start..(start + Tokens)]));
        return [.. sentences];
    }

    private static float[] Embed(string[] texts, InverseDocumentFrequencies frequencies, HashingWeights weights)
    {
        float[] vectors = new float[texts.Length * HashingEmbedder.Dimensions];
        Parallel.For(0, texts.Length, () => new HashingEmbedder(frequencies, weights), (row, _, embedder) =>
        {
            Span<float> vector = vectors.AsSpan(row * HashingEmbedder.Dimensions, HashingEmbedder.Dimensions);
            embedder.Embed(texts[row], vector);
            return embedder;
        }, _ => { });
        return vectors;
    }
}
