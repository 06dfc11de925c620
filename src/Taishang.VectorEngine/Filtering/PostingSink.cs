using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Filtering;

/// <summary>Takes the rows of postings into a bitmap; without one it only counts them, which costs nothing a row.
/// </summary>
internal sealed class PostingSink(RowBitmap? target)
{
    /// <summary>Rows taken, one that was taken twice twice.</summary>
    public long Count { get; private set; }

    /// <summary>Whether rows are wanted, and not their number alone.</summary>
    public bool IsFilling => target is not null;

    public void Take(ReadOnlySpan<int> rows)
    {
        Count += rows.Length;
        if (target is null)
            return;

        foreach (var row in rows)
            target.Add(row);
    }

    public void Take(RowBitmap rows, int count)
    {
        Count += count;
        target?.OrPrefix(rows);
    }
}
