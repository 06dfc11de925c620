using System.Numerics.Tensors;

namespace Taishang.Ai.Embeddings;

/// <summary>
/// Signed feature hashing (Weinberger et al., 2009): each feature adds its weight, (1 + ln count) × IDF × weight of
/// its kind, to the dimension that its hash names, with the sign that its hash names; the sum is scaled to length 1.
/// The sums are integers, so neither the order of addition nor the width of the vector unit changes a bit: a text has
/// the same vector on every machine. Not thread-safe: use one instance a thread; it allocates only while it grows.
/// </summary>
internal sealed class HashingEmbedder(InverseDocumentFrequencies frequencies, HashingWeights weights)
{
    /// <summary>Floats in a vector.</summary>
    public const int Dimensions = 1024;

    private const int SignBit = 13;
    private const int KindBits = 3;

    // The squares of 1024 sums of at most this many bits add up in 62 bits.
    private const int MaxSumBits = 26;

    private readonly FeatureExtractor _extractor = new();
    private readonly int[] _kindWeights = [.. weights.ByKind, .. new int[8 - weights.ByKind.Count]];
    private readonly long[] _sums = new long[Dimensions];

    /// <summary>True if the text that was embedded last was longer than the limits of the extractor.</summary>
    public bool Truncated => _extractor.Truncated;

    /// <summary>
    /// Writes the unit vector of <paramref name="text"/> into <paramref name="vector"/> (of <see cref="Dimensions"/>)
    /// and returns the tokens read. 0 means that the text has nothing to embed; the vector is then all zeros.
    /// </summary>
    public int Embed(ReadOnlySpan<char> text, Span<float> vector)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(vector.Length, Dimensions);
        int tokens = _extractor.Read(text);
        Array.Clear(_sums);
        FeatureCounts features = _extractor.Features;
        for (int ordinal = 0; ordinal < features.Count; ordinal++)
        {
            ulong key = features.KeyAt(ordinal);
            long weight = (long)_kindWeights[key & 7] * frequencies.UnitsOf(key)
                * TermFrequency.UnitsOf(features.CountAt(ordinal));
            long sign = -(long)((key >> SignBit) & 1);
            _sums[(int)(key >> KindBits) & (Dimensions - 1)] += (weight ^ sign) - sign;
        }
        Normalize(vector);
        return tokens;
    }

    private void Normalize(Span<float> vector)
    {
        long highest = TensorPrimitives.MaxMagnitude<long>(_sums);
        int excess = 64 - (int)long.LeadingZeroCount(Math.Abs(highest)) - MaxSumBits;
        if (excess > 0)
        {
            for (int i = 0; i < _sums.Length; i++) _sums[i] >>= excess;
        }
        long square = TensorPrimitives.SumOfSquares<long>(_sums);
        if (square == 0)
        {
            vector.Clear();
            return;
        }
        double scale = 1 / Math.Sqrt(square);
        for (int i = 0; i < vector.Length; i++) vector[i] = (float)(_sums[i] * scale);
    }
}
