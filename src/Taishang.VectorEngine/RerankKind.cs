namespace Taishang.VectorEngine;

/// <summary>What puts the nearest by codes in order. The numbers are part of the manifest.</summary>
public enum RerankKind
{
    /// <summary>The floats as they were written, read from the mapped files.</summary>
    Float32 = 0,

    /// <summary>Halves of them that the index keeps in memory: two bytes a component.</summary>
    Float16 = 1,

    /// <summary>Nothing: the order and the distances are those of the codes, and floats are not touched.</summary>
    None = 2,
}
