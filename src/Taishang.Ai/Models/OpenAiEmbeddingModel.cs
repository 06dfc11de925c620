using Taishang.Ai.Embeddings;

namespace Taishang.Ai.Models;

/// <summary>One embedding model of a remote service. Takes over the connection.</summary>
internal sealed class OpenAiEmbeddingModel(
    OpenAiConnection connection, EmbeddingLimits limits, EmbeddingModelInfo info) : IEmbeddingModel
{
    public EmbeddingModelInfo Info { get; } = info;

    public async ValueTask<EmbeddingBatch> EmbedAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        limits.Check(texts);
        int dimensions = Info.Dimensions;
        int batchTexts = connection.Settings.BatchTexts;
        float[] values = new float[texts.Count * dimensions];
        int[] tokens = new int[texts.Count];
        bool estimated = false;
        var batches = new ParallelBatches(
            (texts.Count + batchTexts - 1) / batchTexts, connection.Settings.BatchesAtOnce);
        double waitedMs = await batches.RunAsync(
            async (batch, cancellation) =>
            {
                int start = batch * batchTexts;
                string[] part = [.. texts.Skip(start).Take(batchTexts)];
                (OpenAiVectors given, double ms) = await SendAsync(connection, part, cancellation);
                if (given.Dimensions != dimensions)
                {
                    throw new ModelException(ModelErrorKind.UpstreamFailed,
                        $"The service gave {given.Dimensions} dimensions where it gave {dimensions} before.");
                }
                given.Values.CopyTo(values.AsSpan(start * dimensions));
                if (given.Tokens is null) Volatile.Write(ref estimated, true);
                Share(given.Tokens, part, tokens.AsSpan(start, part.Length));
                return ms;
            },
            cancellationToken);
        if (connection.Settings.Normalize)
        {
            for (int row = 0; row < texts.Count; row++)
                PoolingKernels.Normalize(values.AsSpan(row * dimensions, dimensions));
        }
        return new EmbeddingBatch(values, dimensions, tokens) { TokensEstimated = estimated, UpstreamMs = waitedMs };
    }

    public void Dispose() => connection.Dispose();

    /// <summary>Embeds one batch; gives the milliseconds that it took too.</summary>
    /// <exception cref="ModelException">Of an Upstream kind, EndpointRefused, UnknownModel or InvalidInput.</exception>
    public static async Task<(OpenAiVectors Vectors, double Ms)> SendAsync(
        OpenAiConnection connection, string[] texts, CancellationToken cancellationToken)
    {
        byte[] body = OpenAiEmbeddings.Request(connection.Settings, texts);
        using OpenAiExchange exchange = connection.Begin(cancellationToken);
        byte[] answer = await exchange.WaitAsync(token => connection.EmbedAsync(body, token));
        return (OpenAiEmbeddings.Read(answer, texts.Length, connection.Failures), exchange.WaitedMs);
    }

    // The service counts a batch as a whole; each text gets its share by length, and the shares add up to the whole.
    private static void Share(long? used, string[] texts, Span<int> tokens)
    {
        if (used is not { } counted)
        {
            for (int row = 0; row < texts.Length; row++) tokens[row] = (int)TokenEstimate.Of(texts[row]);
            return;
        }
        long total = texts.Sum(text => (long)text.Length);
        long lengths = 0;
        long given = 0;
        for (int row = 0; row < texts.Length; row++)
        {
            lengths += texts[row].Length;
            long due = (long)((Int128)counted * lengths / total);
            tokens[row] = (int)Math.Min(int.MaxValue, due - given);
            given = due;
        }
    }
}
