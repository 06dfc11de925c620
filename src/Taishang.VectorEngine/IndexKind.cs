namespace Taishang.VectorEngine;

/// <summary>The structure that answers searches over sealed rows.</summary>
public enum IndexKind
{
    /// <summary>Exact scan of every row.</summary>
    Flat,

    /// <summary>Hierarchical navigable small world graph (Malkov, Yashunin 2016).</summary>
    Hnsw,
}
