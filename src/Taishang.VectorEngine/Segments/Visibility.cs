using System.Numerics;
using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Segments;

/// <summary>Which rows a snapshot sees, as bits.</summary>
internal static class Visibility
{
    /// <summary>Takes out of the bitmap what was dead at the snapshot's commit.</summary>
    public static void Restrict(RowBitmap bitmap, Snapshot snapshot)
    {
        if (snapshot.Live == snapshot.Rows)
            return;

        var rows = snapshot.Generation.Rows;
        for (var word = 0; word < bitmap.Words.Length; word++)
        {
            for (var bits = bitmap.Words[word]; bits != 0; bits &= bits - 1)
            {
                var bit = BitOperations.TrailingZeroCount(bits);
                if (rows.DiedAt((word << 6) + bit) <= snapshot.Commit)
                    bitmap.Words[word] &= ~(1UL << bit);
            }
        }
    }

    /// <summary>The first rows that were dead at the snapshot's commit.</summary>
    public static RowBitmap Dead(Snapshot snapshot, int count)
    {
        var dead = new RowBitmap(count);
        for (var row = 0; row < count; row++)
        {
            if (snapshot.Generation.Rows.DiedAt(row) <= snapshot.Commit)
                dead.Add(row);
        }

        return dead;
    }

    /// <summary>Rows among the first ones that were alive at the snapshot's commit.</summary>
    public static int CountLive(Snapshot snapshot, int count)
    {
        var live = 0;
        for (var row = 0; row < count; row++)
        {
            if (snapshot.Generation.Rows.DiedAt(row) > snapshot.Commit)
                live++;
        }

        return live;
    }
}
