using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Makes a generation without the dead rows of another. The living rows of a snapshot go to a new segment in their
/// order and are mapped from it, so that a compaction needs no second copy in memory; what was written after the
/// snapshot follows in the order of the log, dead or not, because a replay of that log must give the same row numbers.
/// </summary>
internal sealed class Compactor(Snapshot source)
{
    private readonly RowTable _old = source.Generation.Rows;

    /// <summary>The living rows of the snapshot: where each has its place in the new generation.</summary>
    private readonly int[] _living = FindLiving(source);

    private int _copiedTo = source.Rows;

    public Generation Target { get; } = new(source.Generation.Rows.Dimensions, source.Generation.Rows.Metric);

    /// <summary>Rows of the new generation that will expire, found before anybody has to wait for it.</summary>
    public PriorityQueue<int, long> Expiries { get; } = new();

    /// <summary>Rows that the snapshot gave: what the new segment holds.</summary>
    public int BaseRows => _living.Length;

    /// <summary>Writes the living rows to a segment and takes them from there.</summary>
    public void CopyLiving(IStorageDevice device, string path, CancellationToken cancellation)
    {
        SegmentFile.Save(device, path, _old, SegmentRows.Chosen(_living), cancellation);
        SegmentFile.Load(device, path, Target.Rows, BaseRows, cancellation);
        Target.Ids.EnsureCapacity(BaseRows);
        for (var row = 0; row < BaseRows; row++)
        {
            Target.Ids.Put(row);
            Schedule(row);
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

        for (var row = source.Rows; row < now.Rows; row++)
        {
            var copy = BaseRows + row - source.Rows;
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

    private static int[] FindLiving(Snapshot source)
    {
        var living = new List<int>(source.Live);
        for (var row = 0; row < source.Rows; row++)
        {
            if (source.Generation.Rows.DiedAt(row) > source.Commit)
                living.Add(row);
        }

        return [.. living];
    }
}
