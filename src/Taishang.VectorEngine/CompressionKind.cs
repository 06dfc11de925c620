namespace Taishang.VectorEngine;

/// <summary>What searches keep in memory of a vector. The floats stay on disk whatever it is. The numbers are part of
/// the manifest.</summary>
public enum CompressionKind
{
    /// <summary>Whatever makes the index fastest; floats are mapped from files beside it.</summary>
    None = 0,

    /// <summary>A byte a component, of which seven bits count.</summary>
    Sq8 = 1,

    /// <summary>Half a byte a component.</summary>
    Sq4 = 2,

    /// <summary>A bit a component: above or below the middle of its dimension.</summary>
    Binary = 3,
}
