using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>Compares by the stored floats: for rows that codes do not serve.</summary>
internal readonly struct FloatSpace(RowScorer scorer, Query query) : INodeSpace<FloatSpace>
{
    private readonly Query _query = query;

    public static FloatSpace Of(HnswGraph graph, RowScorer scorer, SpaceMemory memory, int node) =>
        new(scorer, scorer.QueryOf(node));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Score(int node) => scorer.Score(_query, node);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe void Score(int* nodes, int count, float* distances) =>
        scorer.Score(_query, nodes, count, distances);
}
