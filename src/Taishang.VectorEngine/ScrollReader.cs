using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine;

/// <summary>The rows that a scroll sees in one table.</summary>
internal sealed record ScrollPart(Snapshot Snapshot, MatchingRows Matching);

/// <summary>A place between two rows of a scroll.</summary>
/// <param name="Part">Number of the table.</param>
/// <param name="Row">The next row to look at.</param>
internal readonly record struct ScrollPlace(int Part, int Row);

/// <summary>Reads one page out of the tables of a scroll.</summary>
internal sealed class ScrollReader(IReadOnlyList<ScrollPart> parts, ScrollRequest request, long nowTicks)
{
    private readonly List<VectorRow> _rows = [];
    private long _bytes;

    /// <summary>The rows from a place on, and the place of the first one that had no room; null when none is left.
    /// </summary>
    public (IReadOnlyList<VectorRow> Rows, ScrollPlace? Next) Read(ScrollPlace from)
    {
        for (var number = from.Part; number < parts.Count; number++)
        {
            var part = parts[number];
            for (var row = number == from.Part ? from.Row : 0; row < part.Snapshot.Rows; row++)
            {
                if (!IsThere(part, row))
                    continue;

                if (_rows.Count > 0 && (_rows.Count == request.Limit || _bytes >= request.BytesMax))
                    return (_rows, new ScrollPlace(number, row));

                Take(part.Snapshot.Generation.Rows, row);
            }
        }

        return (_rows, null);
    }

    private bool IsThere(ScrollPart part, int row) =>
        part.Matching.Contains(part.Snapshot, row)
        && part.Snapshot.Generation.Rows.Record(row).ExpiresAtTicks > nowTicks;

    private void Take(RowTable table, int row)
    {
        var taken = AnswerWriter.Row(table, row, request.IncludeVector, request.IncludeMetadata);
        _bytes += taken.MetadataJson.Length + (long)taken.Vector.Length * sizeof(float);
        _rows.Add(taken);
    }
}
