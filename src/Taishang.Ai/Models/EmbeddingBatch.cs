namespace Taishang.Ai.Models;

/// <summary>
/// The vectors of a batch of texts, row after row in one array, so that a batch of any size is one allocation and can
/// be copied into a message as it stands.
/// </summary>
internal sealed class EmbeddingBatch
{
    /// <summary>Takes ownership of both arrays. <paramref name="tokens"/> holds the tokens read of each text.</summary>
    public EmbeddingBatch(float[] values, int dimensions, int[] tokens, int truncatedCount = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimensions, 1);
        if (values.Length != (long)dimensions * tokens.Length)
            throw new ArgumentException($"{tokens.Length} rows of {dimensions} floats are not {values.Length} floats.");
        Values = values;
        Dimensions = dimensions;
        Tokens = tokens;
        TruncatedCount = truncatedCount;
    }

    /// <summary>All vectors, row after row: Count × Dimensions floats.</summary>
    public float[] Values { get; }

    /// <summary>Floats in each vector.</summary>
    public int Dimensions { get; }

    /// <summary>Tokens that the model read of each text.</summary>
    public int[] Tokens { get; }

    /// <summary>Texts that were longer than the model reads.</summary>
    public int TruncatedCount { get; }

    /// <summary>True if the provider counted no tokens, so that they are an estimate.</summary>
    public bool TokensEstimated { get; init; }

    /// <summary>Milliseconds that an endpoint took; null for a model that ran here.</summary>
    public double? UpstreamMs { get; init; }

    /// <summary>Number of vectors: one for each text, in the order of the texts.</summary>
    public int Count => Tokens.Length;

    /// <summary>The vector of one text, a view into <see cref="Values"/>.</summary>
    public ReadOnlyMemory<float> this[int index] => Values.AsMemory(index * Dimensions, Dimensions);

    /// <summary>Tokens of all texts together: what usage is counted by.</summary>
    public long TotalTokens
    {
        get
        {
            long sum = 0;
            foreach (int count in Tokens) sum += count;
            return sum;
        }
    }
}
