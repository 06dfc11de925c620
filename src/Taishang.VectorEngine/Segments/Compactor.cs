using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Makes a generation without the dead rows of another. The living rows of a snapshot go to new segments in their
/// order and are mapped from them, so that a compaction needs no second copy in memory; what was written after the
/// snapshot follows in the order of the log, dead or not, because a replay of that log must give the same row numbers.
/// </summary>
internal sealed class Compactor
{
    private readonly RowTable _old;

    /// <summary>The living rows of the snapshot: where each has its place in the new generation.</summary>
    private readonly int[] _living;

    private readonly int _sourceRows;
    private int _copiedTo;

    private Compactor(RowTable old, int[] living, int sourceRows)
    {
        (_old, _living, _sourceRows, _copiedTo) = (old, living, sourceRows, sourceRows);
        Target = new Generation(old.Dimensions, old.Metric);
    }

    public Generation Target { get; }

    /// <summary>Rows of the new generation that will expire, found before anybody has to wait for it.</summary>
    public PriorityQueue<int, long> Expiries { get; } = new();

    /// <summary>Rows that the snapshot gave: what the new segments hold.</summary>
    public int BaseRows => _living.Length;

    /// <summary>Of them, those that were copied or taken.</summary>
    public int CopiedRows { get; private set; }

    /// <summary>A compaction of what lives now.</summary>
    public static Compactor Begin(Snapshot source) =>
        new(source.Generation.Rows, Living(Visibility.Dead(source, source.Rows)), source.Rows);

    /// <summary>One that was begun, at whatever moment.</summary>
    /// <param name="now">Of the same generation, later.</param>
    /// <param name="leftOut">The rows of that moment, those set that were dead.</param>
    public static Compactor Resume(Snapshot now, RowBitmap leftOut) =>
        new(now.Generation.Rows, Living(leftOut), leftOut.Rows);

    /// <summary>Writes the next rows to a segment and takes them from there.</summary>
    public void CopyPart(IStorageDevice device, string path, int rows, CancellationToken cancellation)
    {
        SegmentFile.Save(device, path, _old, SegmentRows.Chosen(_living, CopiedRows, rows), cancellation);
        TakePart(device, path, rows, cancellation);
    }

    /// <summary>Takes the next rows from a segment that was written before.</summary>
    /// <exception cref="CorruptDataException">It is damaged, or holds other rows.</exception>
    public void TakePart(IStorageDevice device, string path, int rows, CancellationToken cancellation)
    {
        if (rows > BaseRows - CopiedRows)
            throw new CorruptDataException(path, 0, $"{rows} rows, of which {BaseRows - CopiedRows} are missing");

        SegmentFile.Load(device, path, Target.Rows, rows, cancellation);
        Target.Ids.EnsureCapacity(BaseRows);
        for (var end = CopiedRows + rows; CopiedRows < end; CopiedRows++)
        {
            if (!Target.Rows.Record(CopiedRows).Id.SequenceEqual(_old.Record(_living[CopiedRows]).Id))
                throw new CorruptDataException(path, 0, $"row {CopiedRows} is not a copy of row {_living[CopiedRows]}");

            Target.Ids.Put(CopiedRows);
            Schedule(CopiedRows);
        }
    }

    /// <summary>Copies rows written since, so that little is left for <see cref="Finish"/>.</summary>
    public void CopyLater(Snapshot now)
    {
        for (; _copiedTo < now.Rows; _copiedTo++)
            Target.Rows.Append(_old, _copiedTo, RowTable.Alive);
    }

    /// <summary>Brings over the rest and every death since the snapshot; returns the living rows. Under the state's
    /// lock.</summary>
    public int Finish(Snapshot now)
    {
        CopyLater(now);
        for (var row = 0; row < BaseRows; row++)
        {
            var diedAt = _old.DiedAt(_living[row]);
            if (diedAt == RowTable.Alive)
                continue;

            Target.Rows.Kill(row, diedAt);
            Target.Ids.Remove(Target.Rows.Record(row).Id, out _);
        }

        for (var row = _sourceRows; row < now.Rows; row++)
        {
            var copy = BaseRows + row - _sourceRows;
            var diedAt = _old.DiedAt(row);
            Target.Rows.Kill(copy, diedAt);
            if (diedAt != RowTable.Alive)
                continue;

            Target.Ids.Put(copy);
            Schedule(copy);
        }

        return Target.Ids.Count;
    }

    private void Schedule(int row)
    {
        var ticks = Target.Rows.Record(row).ExpiresAtTicks;
        if (ticks != RowRecord.Never)
            Expiries.Enqueue(row, ticks);
    }

    private static int[] Living(RowBitmap leftOut)
    {
        var living = new List<int>(leftOut.Rows);
        for (var row = 0; row < leftOut.Rows; row++)
        {
            if (!leftOut.Contains(row))
                living.Add(row);
        }

        return [.. living];
    }
}
