using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// What a walk compares nodes by: the distance of one query to nodes of a graph, smaller always nearer, in units of its
/// own. Implementations are structs, so that walks are compiled for each.
/// </summary>
internal unsafe interface INodeSpace<TSelf>
    where TSelf : struct, INodeSpace<TSelf>
{
    /// <summary>The space with a node of the graph as its query; distances are then those of two nodes, so that they
    /// may be compared across queries. It holds until the next one of the same memory.</summary>
    static abstract TSelf Of(HnswGraph graph, RowScorer scorer, SpaceMemory memory, int node);

    float Score(int node);

    /// <summary>Scores up to <see cref="SpaceMemory.BatchNodes"/> nodes into as many floats.</summary>
    void Score(int* nodes, int count, float* distances);
}
