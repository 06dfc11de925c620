namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>Draws the levels of nodes.</summary>
internal static class HnswLevels
{
    /// <summary>The level of a node: the paper's distribution, drawn from the node's number alone, so that a build
    /// gives the same levels whatever the order of its threads.</summary>
    public static int Of(int node, int connectivity)
    {
        var mixed = (ulong)node * 0x9E37_79B9_7F4A_7C15 + 0x1234_5678_9ABC_DEF1;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58_476D_1CE4_E5B9;
        mixed = (mixed ^ (mixed >> 27)) * 0x94D0_49BB_1331_11EB;
        mixed ^= mixed >> 31;
        var uniform = ((mixed >> 11) + 1) * (1.0 / (1UL << 53));

        // Nearly all are: no need of logarithms for them.
        if (uniform * connectivity > 1)
            return 0;

        return Math.Min(HnswGraph.LevelMax, (int)(-Math.Log(uniform) / Math.Log(connectivity)));
    }
}

/// <summary>Adds rows to a graph, whatever its walks compare.</summary>
internal interface IHnswBuilder : IDisposable
{
    /// <summary>Adds one row below the row count that the builder was made with, and that the graph has room
    /// for.</summary>
    void Add(int node);
}
