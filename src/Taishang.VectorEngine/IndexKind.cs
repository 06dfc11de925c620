namespace Taishang.VectorEngine;

/// <summary>The structure that answers searches over sealed rows. The numbers are part of the manifest.</summary>
public enum IndexKind
{
    /// <summary>Exact scan of every row.</summary>
    Flat,

    /// <summary>Hierarchical navigable small world graph (Malkov, Yashunin 2016).</summary>
    Hnsw,

    /// <summary>A scan while the rows are few, a graph from where it pays.</summary>
    Auto = 4,
}
