namespace Taishang.VectorEngine;

/// <summary>How far two vectors are from each other. Inside the engine smaller is always nearer.</summary>
public enum DistanceMetric
{
    /// <summary>1 − cos(a, b), in [0, 2]. A zero vector has no direction and is refused.</summary>
    Cosine,

    /// <summary>Euclidean distance, the root taken at the engine's edge only.</summary>
    L2,

    /// <summary>−a·b.</summary>
    Dot,
}
