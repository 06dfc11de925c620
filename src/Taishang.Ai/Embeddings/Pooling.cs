using System.Numerics.Tensors;

namespace Taishang.Ai.Embeddings;

/// <summary>How a model's output becomes one vector a text.</summary>
internal enum Pooling
{
    /// <summary>The output is one vector a text already.</summary>
    None,

    /// <summary>The mean of the vectors of the text's tokens, padding left out.</summary>
    Mean,

    /// <summary>The vector of the first token.</summary>
    Cls,
}

/// <summary>Pools token vectors into text vectors, and scales them to length 1.</summary>
internal static class PoolingKernels
{
    /// <summary>
    /// Pools the <paramref name="tokens"/> vectors (row after row) of one text into <paramref name="vector"/>; the
    /// first <paramref name="present"/> of them are the text's, the rest is padding.
    /// </summary>
    public static void Pool(Pooling pooling, ReadOnlySpan<float> tokens, int present, Span<float> vector)
    {
        if (pooling != Pooling.Mean)
        {
            tokens[..vector.Length].CopyTo(vector);
            return;
        }
        vector.Clear();
        for (int token = 0; token < present; token++)
            TensorPrimitives.Add(vector, tokens.Slice(token * vector.Length, vector.Length), vector);
        TensorPrimitives.Divide(vector, Math.Max(present, 1), vector);
    }

    /// <summary>Scales a vector to length 1; a zero vector stays as it is.</summary>
    public static void Normalize(Span<float> vector)
    {
        float norm = TensorPrimitives.Norm<float>(vector);
        if (norm > 0) TensorPrimitives.Divide(vector, norm, vector);
    }
}
