using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Storage;

/// <summary>Says which rows a search may return. Implementations are structs, so that searches are compiled for each.
/// </summary>
internal interface IRowFilter
{
    bool Accepts(int row);

    /// <summary>The first accepted row from this one on, or −1.</summary>
    int NextAccepted(int from);
}

/// <summary>Rows below a limit that were alive at a commit.</summary>
internal readonly struct VisibleRows(RowTable rows, long commit, int limit) : IRowFilter
{
    public bool Accepts(int row) => row < limit && rows.DiedAt(row) > commit;

    public int NextAccepted(int from)
    {
        for (; from < limit; from++)
        {
            if (Accepts(from))
                return from;
        }

        return -1;
    }
}

/// <summary>Rows below a limit that a bitmap names; what is dead was taken out of the bitmap before.</summary>
internal readonly struct BitmapRows(RowBitmap bitmap, int limit) : IRowFilter
{
    public bool Accepts(int row) => row < limit && bitmap.Contains(row);

    public int NextAccepted(int from)
    {
        var row = bitmap.Next(from);
        return row < limit ? row : -1;
    }
}
