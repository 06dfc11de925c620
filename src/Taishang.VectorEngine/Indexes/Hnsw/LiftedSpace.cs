using System.Runtime.CompilerServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Hnsw;

/// <summary>
/// Half the squared distances of lifted points (see <see cref="ProductLift"/>), made of the negative products of the
/// space below: |a|²/2 + |b|²/2 − ab, and the same of the components that were added.
/// </summary>
/// <param name="graph">Knows the points.</param>
/// <param name="products">Of the same node.</param>
/// <param name="point">Of the node that asks.</param>
internal readonly unsafe struct LiftedSpace<TProducts>(HnswGraph graph, TProducts products, LiftedPoint point)
    : INodeSpace<LiftedSpace<TProducts>>
    where TProducts : struct, INodeSpace<TProducts>
{
    private readonly TProducts _products = products;
    private readonly LiftedPoint _point = point;

    public static LiftedSpace<TProducts> Of(HnswGraph graph, RowScorer scorer, SpaceMemory memory, int node) =>
        new(graph, TProducts.Of(graph, scorer, memory, node), *graph.Point(node));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Score(int node) => Lifted(_products.Score(node), graph.Point(node));

    public void Score(int* nodes, int count, float* distances)
    {
        _products.Score(nodes, count, distances);
        for (var i = 0; i < count; i++)
            distances[i] = Lifted(distances[i], graph.Point(nodes[i]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private float Lifted(float product, LiftedPoint* other)
    {
        var apart = _point.Lift - other->Lift;
        return product + 0.5f * _point.Square + 0.5f * other->Square + 0.5f * apart * apart;
    }
}
