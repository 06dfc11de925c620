using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Distances;
using Taishang.VectorEngine.Quantization;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Compares by the codes that lie in the graph's own blocks: a quarter of the memory to fetch, and whole numbers, so
/// that a walk takes the same way on every machine.
/// </summary>
internal readonly unsafe struct CodeSpace(HnswGraph graph, CodeQuery query, SpaceMemory memory)
    : INodeSpace<CodeSpace>
{
    private readonly CodeQuery _query = query;

    public static CodeSpace Of(HnswGraph graph, RowScorer scorer, SpaceMemory memory, int node)
    {
        var grid = graph.Grid!;
        var query = grid.QueryOfRow(graph.Code(node), graph.CodeTerm(node), memory.Code(grid.QueryBytes));
        return new CodeSpace(graph, query, memory);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Score(int node)
    {
        var code = graph.Code(node);
        var product = graph.Scorer.Pair(code, _query.Code, graph.KernelBytes);
        return _query.Distance(product, *(int*)(code + graph.TermOffset));
    }

    public void Score(int* nodes, int count, float* distances)
    {
        var addresses = memory.Addresses;
        var sums = memory.Sums;
        for (var i = 0; i < count; i++)
            addresses[i] = graph.Code(nodes[i]);

        graph.Scorer.Gathered(_query.Code, addresses, count, graph.KernelBytes, sums);
        var termOffset = graph.TermOffset;
        for (var i = 0; i < count; i++)
            distances[i] = _query.Distance(sums[i], *(int*)(addresses[i] + termOffset));
    }
}
