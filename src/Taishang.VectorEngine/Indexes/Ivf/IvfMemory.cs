namespace Taishang.VectorEngine.Indexes.Ivf;

/// <summary>What lists will take, before there are any.</summary>
internal static class IvfMemory
{
    private const int PaddingFloats = 8;

    /// <summary>Of one row: its number, its list while they are made, its share of middles and of half-filled chunks.
    /// </summary>
    private const int RowBytes = 4 * sizeof(int);

    /// <summary>Middles, their sums in doubles and chunks that are not full, as a share of the entries.</summary>
    private const int OtherShare = 4;

    public static long BytesOfRow(IndexKind kind, int dimensions)
    {
        var entry = kind == IndexKind.IvfFlat
            ? (dimensions + PaddingFloats - 1L) / PaddingFloats * PaddingFloats * sizeof(float)
            : dimensions + 2L * sizeof(int);
        return entry + entry / OtherShare + RowBytes;
    }
}
