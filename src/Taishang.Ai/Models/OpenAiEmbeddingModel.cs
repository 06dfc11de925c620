using Taishang.Ai.Embeddings;

namespace Taishang.Ai.Models;

/// <summary>One model of a remote service; its client belongs to the provider.</summary>
internal sealed class OpenAiEmbeddingModel(
    OpenAiRequests requests, OpenAiSettings settings, EmbeddingLimits limits, EmbeddingModelInfo info) : IEmbeddingModel
{
    public EmbeddingModelInfo Info { get; } = info;

    public async ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        limits.Check(texts);
        int dimensions = Info.Dimensions;
        float[] values = new float[texts.Count * dimensions];
        int[] tokens = new int[texts.Count];
        for (int start = 0; start < texts.Count; start += settings.BatchTexts)
        {
            string[] part = [.. texts.Skip(start).Take(settings.BatchTexts)];
            (float[] vectors, int given, long used) = await requests.SendAsync(part, cancellationToken);
            if (given != dimensions)
            {
                throw new ModelException(ModelErrorKind.UpstreamFailed,
                    $"The service gave {given} dimensions where it gave {dimensions} before.");
            }
            vectors.CopyTo(values.AsSpan(start * dimensions));
            Share(used, part, tokens.AsSpan(start, part.Length));
        }
        if (settings.Normalize)
        {
            for (int row = 0; row < texts.Count; row++)
                PoolingKernels.Normalize(values.AsSpan(row * dimensions, dimensions));
        }
        return new EmbeddingBatch(values, dimensions, tokens);
    }

    public void Dispose()
    {
    }

    // The service counts a batch as a whole; each text gets its share by length, and the shares add up to the whole.
    private static void Share(long used, string[] texts, Span<int> tokens)
    {
        long total = texts.Sum(text => (long)text.Length);
        long lengths = 0;
        long given = 0;
        for (int row = 0; row < texts.Length; row++)
        {
            lengths += texts[row].Length;
            long due = used * lengths / total;
            tokens[row] = (int)Math.Min(int.MaxValue, due - given);
            given = due;
        }
    }
}
