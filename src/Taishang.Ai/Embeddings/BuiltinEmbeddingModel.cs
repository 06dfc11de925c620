using System.Collections.Concurrent;
using Taishang.Ai.Models;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// taishang-embed of provider builtin: the embedder that needs no file, key or network. Texts of a batch are embedded
/// in parallel; each thread borrows an embedder and gives it back warm.
/// </summary>
internal sealed class BuiltinEmbeddingModel : IEmbeddingModel
{
    public const string ModelName = "taishang-embed";
    public const string ModelVersion = "1.0.0";

    // Below this a second thread costs more than it saves.
    private const int MinTextsPerThread = 32;

    private readonly ConcurrentBag<HashingEmbedder> _idle = [];
    private readonly EmbeddingLimits _limits;
    private readonly int _threads;

    /// <param name="limits">What a batch may hold.</param>
    /// <param name="threads">Threads that one batch may use; 0 for one each processor.</param>
    public BuiltinEmbeddingModel(EmbeddingLimits limits, int threads = 0)
    {
        _limits = limits;
        _threads = threads > 0 ? threads : Environment.ProcessorCount;
        Info = new EmbeddingModelInfo(
            "builtin", ModelName, ModelVersion, HashingEmbedder.Dimensions, FeatureExtractor.MaxTokens,
            InverseDocumentFrequencies.Shipped.Checksum);
    }

    public EmbeddingModelInfo Info { get; }

    public ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _limits.Check(texts);
        var work = new Work(this, texts, new float[texts.Count * HashingEmbedder.Dimensions], new int[texts.Count]);
        int threads = Math.Min(_threads, texts.Count / MinTextsPerThread);
        if (threads <= 1)
        {
            work.Run(0, texts.Count, cancellationToken);
            return ValueTask.FromResult(work.Finish());
        }
        return new ValueTask<EmbeddingBatch>(Task.Run(() => EmbedInParallel(work, threads, cancellationToken),
            cancellationToken));
    }

    public void Dispose() => _idle.Clear();

    private static EmbeddingBatch EmbedInParallel(Work work, int threads, CancellationToken cancellationToken)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellationToken };
        OrderablePartitioner<Tuple<int, int>> ranges = Partitioner.Create(0, work.Count, MinTextsPerThread);
        Parallel.ForEach(ranges, options, range => work.Run(range.Item1, range.Item2, cancellationToken));
        return work.Finish();
    }

    private sealed class Work(BuiltinEmbeddingModel model, IReadOnlyList<string> texts, float[] values, int[] tokens)
    {
        private int _truncated;
        private int _firstEmpty = int.MaxValue;

        public int Count => texts.Count;

        public void Run(int from, int to, CancellationToken cancellationToken)
        {
            if (!model._idle.TryTake(out HashingEmbedder? embedder))
                embedder = new HashingEmbedder(InverseDocumentFrequencies.Shipped, HashingWeights.Version1);
            for (int row = from; row < to; row++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Span<float> vector = values.AsSpan(row * HashingEmbedder.Dimensions, HashingEmbedder.Dimensions);
                tokens[row] = embedder.Embed(texts[row], vector);
                if (embedder.Truncated) Interlocked.Increment(ref _truncated);
                if (tokens[row] == 0) NoteEmpty(row);
            }
            if (model._idle.Count < model._threads) model._idle.Add(embedder);
        }

        public EmbeddingBatch Finish() => _firstEmpty == int.MaxValue
            ? new EmbeddingBatch(values, HashingEmbedder.Dimensions, tokens, _truncated)
            : throw EmbeddingLimits.Empty(_firstEmpty);

        // The lowest row is named, whichever thread came upon it first.
        private void NoteEmpty(int row)
        {
            int seen = Volatile.Read(ref _firstEmpty);
            while (row < seen) seen = Interlocked.CompareExchange(ref _firstEmpty, row, seen);
        }
    }
}
