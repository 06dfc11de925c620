using System.Diagnostics;
using Taishang.Ai.Embeddings;
using Taishang.Ai.Models;

namespace Taishang.Bench;

/// <summary>The built-in embedder over sentences of 64 tokens, half English words, half Chinese characters.</summary>
internal static class EmbedBench
{
    private const int TokensPerSentence = 64;
    private const int Seed = 64;

    public static async Task RunAsync(BenchSize size)
    {
        var random = new Random(Seed);
        var sentences =
            Enumerable.Range(0, Math.Max(2_000, size.Tasks)).Select(i => Sentence(random, i % 2 == 0)).ToArray();
        var report = new Report("embed taishang-embed 1.0.0, 64 tokens a sentence");
        foreach (var threads in new[] { 1, 2 })
        {
            using var model = new BuiltinEmbeddingModel(new EmbeddingLimits(), threads);
            await MeasureAsync(model, sentences, TimeSpan.FromSeconds(0.5));
            report.Add(
                $"{threads} threads", await MeasureAsync(model, sentences, TimeSpan.FromSeconds(size.Seconds)),
                "sentences/s");
        }

        report.Print();
    }

    private static async Task<double> MeasureAsync(BuiltinEmbeddingModel model, string[] sentences, TimeSpan length)
    {
        long embedded = 0;
        var watch = Stopwatch.StartNew();
        while (watch.Elapsed < length)
        {
            foreach (var batch in sentences.Chunk(256))
            {
                await model.EmbedAsync(batch, CancellationToken.None);
                embedded += batch.Length;
            }
        }

        return embedded / watch.Elapsed.TotalSeconds;
    }

    private static string Sentence(Random random, bool english)
    {
        if (!english)
            return string.Concat(Enumerable.Range(0, TokensPerSentence).Select(_ => (char)random.Next(0x4E00, 0x8000)));
        return string.Join(' ', Enumerable.Range(0, TokensPerSentence).Select(_ => Word(random)));
    }

    private static string Word(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(2, 9)).Select(_ => (char)('a' + random.Next(26))));
}
