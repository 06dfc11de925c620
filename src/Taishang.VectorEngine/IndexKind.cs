namespace Taishang.VectorEngine;

/// <summary>The structure that answers searches over sealed rows. The numbers are part of the manifest.</summary>
public enum IndexKind
{
    /// <summary>Exact scan of every row.</summary>
    Flat,

    /// <summary>Hierarchical navigable small world graph (Malkov, Yashunin 2016).</summary>
    Hnsw,

    /// <summary>Lists of rows around middles, with the floats of each list behind each other.</summary>
    IvfFlat = 2,

    /// <summary>The same with codes of a byte a component; floats put what is found in order.</summary>
    IvfSq8 = 3,

    /// <summary>A scan while the rows are few, a graph from where it pays.</summary>
    Auto = 4,
}
