using System.Numerics;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Indexes.Flat;

/// <summary>Scores rows one after another: the exact answer, and the oracle of every other index.</summary>
internal static unsafe class FlatSearcher
{
    private const int Batch = 128;

    /// <summary>Offers every accepted row of a range.</summary>
    public static void Scan<TFilter>(
        RowScorer scorer,
        in Query query,
        (int Start, int End) rows,
        TFilter filter,
        BoundedHeap<IdOrder> heap,
        CancellationToken cancellation)
        where TFilter : struct, IRowFilter
    {
        var nodes = stackalloc int[Batch];
        var distances = stackalloc float[Batch];
        var row = rows.Start;
        while (row < rows.End)
        {
            cancellation.ThrowIfCancellationRequested();
            var run = scorer.Rows.Contiguous(row, Math.Min(Batch, rows.End - row));
            var count = 0;
            for (var i = row; i < row + run; i++)
            {
                if (filter.Accepts(i))
                    nodes[count++] = i;
            }

            if (count == run)
                scorer.ScoreRun(query, row, run, distances);
            else
                scorer.Score(query, nodes, count, distances);
            Offer(nodes, count, distances, heap);
            row += run;
        }
    }

    /// <summary>Offers every row of a bitmap from <paramref name="start"/> on, passing over empty words.</summary>
    public static void Scan(
        RowScorer scorer,
        in Query query,
        RowBitmap bitmap,
        int start,
        BoundedHeap<IdOrder> heap,
        CancellationToken cancellation)
    {
        var nodes = stackalloc int[Batch];
        var distances = stackalloc float[Batch];
        var count = 0;
        for (var word = start >> 6; word < bitmap.Words.Length; word++)
        {
            var bits = bitmap.Words[word];
            if (word == start >> 6)
                bits &= ulong.MaxValue << (start & 63);
            for (; bits != 0; bits &= bits - 1)
            {
                nodes[count++] = (word << 6) + BitOperations.TrailingZeroCount(bits);
                if (count < Batch)
                    continue;

                cancellation.ThrowIfCancellationRequested();
                ScoreAndOffer(scorer, query, nodes, count, distances, heap);
                count = 0;
            }
        }

        ScoreAndOffer(scorer, query, nodes, count, distances, heap);
    }

    private static void ScoreAndOffer(
        RowScorer scorer, in Query query, int* nodes, int count, float* distances, BoundedHeap<IdOrder> heap)
    {
        scorer.Score(query, nodes, count, distances);
        Offer(nodes, count, distances, heap);
    }

    private static void Offer(int* nodes, int count, float* distances, BoundedHeap<IdOrder> heap)
    {
        for (var i = 0; i < count; i++)
            heap.Offer(distances[i], nodes[i]);
    }
}
