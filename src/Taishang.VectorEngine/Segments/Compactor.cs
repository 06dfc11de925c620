using System.Runtime.InteropServices;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Segments;

/// <summary>
/// Makes a generation without the dead rows of another. The living rows of a snapshot are copied in their order; what
/// was written after the snapshot follows in the order of the log, dead or not, because a replay of that log must give
/// the same row numbers.
/// </summary>
internal sealed class Compactor(Snapshot source)
{
    private const int RowsBetweenChecks = 4096;

    private readonly RowTable _old = source.Generation.Rows;

    /// <summary>For each row of the snapshot its new number; −1 when it was dead.</summary>
    private readonly int[] _newRows = new int[source.Rows];

    private int _copiedTo = source.Rows;

    public Generation Target { get; } = new(source.Generation.Rows.Dimensions, source.Generation.Rows.Metric);

    /// <summary>Rows that the snapshot gave: what the new segment holds.</summary>
    public int BaseRows { get; private set; }

    public void CopyLiving(CancellationToken cancellation)
    {
        Target.Ids.EnsureCapacity(source.Live);
        for (var row = 0; row < source.Rows; row++)
        {
            if (row % RowsBetweenChecks == 0)
                cancellation.ThrowIfCancellationRequested();

            _newRows[row] = -1;
            if (_old.DiedAt(row) <= source.Commit)
                continue;

            _newRows[row] = Copy(row, RowTable.Alive);
            Target.Ids[_old.Info(row).Id] = _newRows[row];
        }

        BaseRows = Target.Rows.Count;
    }

    /// <summary>Copies rows written since, so that little is left for <see cref="Finish"/>.</summary>
    public void CopyLater(Snapshot now)
    {
        for (; _copiedTo < now.Rows; _copiedTo++)
            Copy(_copiedTo, RowTable.Alive);
    }

    /// <summary>Brings over the rest and every death since the snapshot; returns the living rows. Under the state's
    /// lock.</summary>
    public int Finish(Snapshot now)
    {
        CopyLater(now);
        for (var row = 0; row < source.Rows; row++)
        {
            var diedAt = _old.DiedAt(row);
            if (_newRows[row] < 0 || diedAt == RowTable.Alive)
                continue;

            Target.Rows.Kill(_newRows[row], diedAt);
            Target.Ids.Remove(_old.Info(row).Id);
        }

        var live = Target.Ids.Count;
        for (var row = source.Rows; row < now.Rows; row++)
        {
            var copy = BaseRows + row - source.Rows;
            var diedAt = _old.DiedAt(row);
            Target.Rows.Kill(copy, diedAt);
            if (diedAt != RowTable.Alive)
                continue;

            Target.Ids[_old.Info(row).Id] = copy;
            live++;
        }

        return live;
    }

    private int Copy(int row, long diedAt) =>
        Target.Rows.Append(MemoryMarshal.AsBytes(_old.VectorSpan(row)), _old.Info(row), diedAt);
}
