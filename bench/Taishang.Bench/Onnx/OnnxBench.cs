using System.Diagnostics;
using Microsoft.ML.OnnxRuntime;
using Taishang.Ai.Inference;
using Taishang.Ai.Models;
using Taishang.Testing.Processes;

namespace Taishang.Bench.Onnx;

/// <summary>
/// Provider onnx over texts of many lengths, beside a bare loop of ONNX Runtime over the same batches: ids and masks
/// ready, nothing pooled, nothing asked for but the run. They take turns, so that a change of the machine's load meets
/// both.
/// </summary>
internal static class OnnxBench
{
    private const int Seed = 7;
    private const int Texts = 256;
    private const int Words = 2_000;
    private const int LongestWords = 120;
    private const int SpecialWords = 5;
    private const int Callers = 8;
    private const int TextsOfCall = 4;
    private const int Rounds = 9;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        bool small = size == BenchSize.Smoke;
        var file = new TransformerFile(Layers: small ? 1 : 4, Width: small ? 64 : 256, Heads: 4, Words, Positions: 512);
        using var folder = new TestFolder();
        string model = Directory.CreateDirectory(Path.Combine(folder.Path, "encoder")).FullName;
        await File.WriteAllBytesAsync(Path.Combine(model, "model.onnx"), file.ToBytes(), cancellation);
        await File.WriteAllLinesAsync(Path.Combine(model, "vocab.txt"), Vocabulary(), cancellation);
        string[] texts = SomeTexts();

        var options = new ModelOptions { ModelsFolder = folder.Path };
        using var files = new OnnxModels(options);
        using var models = new EmbeddingModels(options, [new OnnxProvider(files, options)], TimeProvider.System);
        var reference = new ModelReference("onnx", "encoder");
        List<NamedOnnxInputs> batches = Batches([texts], options, model);
        // What the queue makes of the callers' texts when all wait at once: shorter batches with more padding.
        List<NamedOnnxInputs> shared =
            [.. texts.Chunk(Callers * TextsOfCall).SelectMany(
                group => Batches([.. group.Chunk(TextsOfCall)], options, model))];
        using InferenceSession plain = Session(model, spins: true);
        using InferenceSession ours = Session(model, spins: false);

        var spinning = new List<Pace>();
        var sleeping = new List<Pace>();
        var sharing = new List<Pace>();
        var alone = new List<Pace>();
        var many = new List<Pace>();
        TimeSpan length = TimeSpan.FromSeconds(size.Seconds / (double)Rounds);
        for (int round = 0; round < Rounds; round++)
        {
            spinning.Add(Bare(plain, batches, length, cancellation));
            sleeping.Add(Bare(ours, batches, length, cancellation));
            sharing.Add(Bare(ours, shared, length, cancellation));
            alone.Add(await ProviderAsync(models, reference, texts, 1, texts.Length, length, cancellation));
            many.Add(await ProviderAsync(models, reference, texts, Callers, TextsOfCall, length, cancellation));
        }
        foreach (NamedOnnxInputs batch in batches.Concat(shared)) batch.Dispose();

        var report = new Report($"onnx: {file.Layers} layers of {file.Width}, texts of 3 to {LongestWords + 2} tokens");
        report.Add("bare loop, threads that spin", Rate(spinning), "texts/s");
        report.Add("bare loop, threads that sleep", Rate(sleeping), "texts/s");
        report.Add($"bare loop, batches of {Callers} callers", Rate(sharing), "texts/s");
        report.Add("provider, one call of all", Rate(alone), "texts/s");
        report.Add($"provider, {Callers} callers of {TextsOfCall} texts", Rate(many), "texts/s");
        // Of each round by itself: what runs beside it on the machine changes between them.
        report.Add("one call to bare, same threads", Median(alone.Zip(sleeping, (a, b) => a.Rate / b.Rate)), "");
        report.Add(
            $"{Callers} callers to bare, same threads and batches",
            Median(many.Zip(sharing, (a, b) => a.Rate / b.Rate)), "");
        report.Add("one call to bare, spinning", Median(alone.Zip(spinning, (a, b) => a.Rate / b.Rate)), "");
        // What the machine does beside it is not in this one.
        report.Add(
            "bare to one call, processor time of a text",
            Median(alone.Zip(sleeping, (a, b) => b.ProcessorMs / a.ProcessorMs)), "");
        report.Print();
    }

    private static double Rate(List<Pace> rounds) => Median(rounds.Select(round => round.Rate));

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(Rounds / 2);

    private static InferenceSession Session(string folder, bool spins)
    {
        var settings = new SessionOptions { InterOpNumThreads = 1 };
        settings.AddSessionConfigEntry("session.intra_op.allow_spinning", spins ? "1" : "0");
        return new InferenceSession(Path.Combine(folder, "model.onnx"), settings);
    }

    /// <summary>The batches that the provider makes of calls that wait together.</summary>
    private static List<NamedOnnxInputs> Batches(string[][] calls, ModelOptions options, string folder)
    {
        ModelConfig config = ModelConfig.Parse(new ModelReference("onnx", Path.GetFileName(folder)));
        TextTokenizer tokenizer = TokenizerFiles.Load(new ModelFolder(options.ModelsFolder), config);
        var queue = new TextQueue(options.MaxBatchTexts, options.MaxBatchTokens, exact: false);
        foreach (string[] texts in calls)
        {
            TokenizedText[] tokens = tokenizer.EncodeAll(texts, 512, CancellationToken.None);
            queue.Add(new TextJob(null!, tokens, (_, _, _) => { })); // Nothing is run by it.
        }
        var batches = new List<NamedOnnxInputs>();
        for (List<QueuedText> batch = queue.Take(); batch.Count > 0; batch = queue.Take())
            batches.Add(NamedOnnxInputs.Pack(batch));
        return batches;
    }

    private static Pace Bare(
        InferenceSession session, List<NamedOnnxInputs> batches, TimeSpan length, CancellationToken cancellation)
    {
        using var run = new RunOptions();
        long done = 0;
        TimeSpan used = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        do
        {
            foreach (NamedOnnxInputs batch in batches)
            {
                cancellation.ThrowIfCancellationRequested();
                using IDisposableReadOnlyCollection<OrtValue> outputs =
                    session.Run(run, batch.Values, ["last_hidden_state"]);
                done += batch.Texts;
            }
        }
        while (watch.Elapsed < length);
        return Pace.Of(done, watch.Elapsed, Environment.CpuUsage.TotalTime - used);
    }

    private static async Task<Pace> ProviderAsync(
        EmbeddingModels models, ModelReference reference, string[] texts, int callers, int textsOfCall,
        TimeSpan length, CancellationToken cancellation)
    {
        await models.EmbedAsync(reference, [texts[0]], cancellation);
        string[][] calls = [.. texts.Chunk(textsOfCall)];
        int next = -1;
        long done = 0;
        TimeSpan used = Environment.CpuUsage.TotalTime;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
        {
            do
            {
                string[] part = calls[Interlocked.Increment(ref next) % calls.Length];
                await models.EmbedAsync(reference, part, cancellation);
                Interlocked.Add(ref done, part.Length);
            }
            while (watch.Elapsed < length);
        }, cancellation)));
        return Pace.Of(done, watch.Elapsed, Environment.CpuUsage.TotalTime - used);
    }

    private static string[] Vocabulary() =>
    [
        "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
        .. Enumerable.Range(0, Words - SpecialWords).Select(Word),
    ];

    // Letters alone: a digit would be a token of its own.
    private static string Word(int number) =>
        string.Create(4, number, static (letters, left) =>
        {
            for (int i = 0; i < letters.Length; i++, left /= 26) letters[i] = (char)('a' + (left % 26));
        });

    private static string[] SomeTexts()
    {
        var random = new Random(Seed);
        return [.. Enumerable.Range(0, Texts).Select(_ => Text(random.Next(1, LongestWords + 1)))];

        string Text(int words) => string.Join(
            ' ', Enumerable.Range(0, words).Select(_ => Word(random.Next(Words - SpecialWords))));
    }

    /// <summary>What one round came to.</summary>
    /// <param name="Rate">Texts in a second.</param>
    /// <param name="ProcessorMs">Milliseconds of all processors for one text.</param>
    private readonly record struct Pace(double Rate, double ProcessorMs)
    {
        public static Pace Of(long texts, TimeSpan elapsed, TimeSpan used) =>
            new(texts / elapsed.TotalSeconds, used.TotalMilliseconds / texts);
    }
}
