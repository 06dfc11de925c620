using Taishang.VectorEngine.Filtering;
using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>
/// The rows of one snapshot that a filter lets through, found once and used by every query that is asked with it.
/// </summary>
/// <param name="Bitmap">Live matching rows; null when there is no filter and all live rows match.</param>
/// <param name="Count">How many match.</param>
internal readonly record struct MatchingRows(RowBitmap? Bitmap, int Count)
{
    public static MatchingRows Of(Snapshot snapshot, MetadataFilter? filter)
    {
        if (filter is null)
            return new MatchingRows(null, snapshot.Live);

        var (rows, count) = snapshot.Generation.Matches.Of(filter, snapshot);
        return new MatchingRows(rows, count);
    }

    /// <summary>Whether a row of the snapshot matches.</summary>
    public bool Contains(Snapshot snapshot, int row) =>
        Bitmap is null ? snapshot.Generation.Rows.DiedAt(row) > snapshot.Commit : Bitmap.Contains(row);
}
