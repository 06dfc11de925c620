using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>
/// The vectors of a group of writes, put in their places behind the last row while the log is being written: the disk
/// and the memory take about as long, and neither needs the other. Nobody sees them before the group is durable and
/// applied; when it is refused they are left to be written over. For the writer's thread.
/// </summary>
internal sealed class LaidRows : IAsyncDisposable
{
    /// <summary>Below this a thread costs more than it brings.</summary>
    private const int BytesMin = 256 << 10;

    private readonly Generation _generation;
    private readonly int _from;
    private readonly Task _work;
    private int _count;

    private LaidRows(Generation generation, List<PendingWrite> group)
    {
        _generation = generation;
        _from = generation.Rows.Count;
        _work = Task.Run(() => Lay(group));
    }

    /// <summary>Begins with it; null when it is not worth it.</summary>
    public static LaidRows? Begin(CollectionState state, List<PendingWrite> group)
    {
        var bytes = group.Sum(write => write.IsDelete ? 0L : write.Buffer!.TotalBytes);
        var generation = state.Peek().Generation;
        return bytes >= BytesMin && generation.TryAcquire() ? new LaidRows(generation, group) : null;
    }

    /// <summary>Ends when the vectors lie there; where memory was refused, fewer do.</summary>
    public Task WaitAsync() => _work;

    /// <summary>Whether the next row of a generation lies there; asked once it was waited for.</summary>
    public bool Covers(Generation generation) =>
        ReferenceEquals(generation, _generation)
        && generation.Rows.Count >= _from && generation.Rows.Count < _from + Volatile.Read(ref _count);

    public async ValueTask DisposeAsync()
    {
        await _work;
        _generation.Release();
    }

    private void Lay(List<PendingWrite> group)
    {
        try
        {
            LayAll(group);
        }
        catch (MemoryLimitException)
        {
            // What could not be laid is not covered, and whoever applies it is told again.
        }
    }

    private void LayAll(List<PendingWrite> group)
    {
        var rows = _generation.Rows;
        foreach (var write in group.Where(write => !write.IsDelete))
        {
            var reader = LogRecord.Read(write.Buffer!.PayloadMemory, rows.Dimensions);
            while (reader.TryNextRow(out _, out var vector))
            {
                rows.Lay(_from + _count, vector);
                Volatile.Write(ref _count, _count + 1);
            }
        }
    }
}
