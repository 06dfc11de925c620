using Taishang.VectorEngine.Indexes.Hnsw;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes;

/// <summary>What puts the finds of codes in order: the floats of the rows, or halves of them.</summary>
/// <param name="scorer">Of the table.</param>
/// <param name="halves">Null where floats are read.</param>
internal readonly struct FinalOrder(RowScorer scorer, HalfRows? halves)
{
    /// <summary>Scores rows gathered in the memory's nodes into its distances.</summary>
    public unsafe void Score(in Query query, int count, SpaceMemory memory)
    {
        if (halves is null)
            scorer.Score(query, memory.Nodes, count, memory.Distances);
        else
        {
            halves.Score(
                scorer, query, memory.Nodes, count, memory.Distances, memory.Units(2 * scorer.Rows.PaddedDimensions));
        }
    }
}
