using Microsoft.Extensions.Options;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks;

/// <summary>
/// How full the queue is. It is counted every few seconds, since a count at each creation would cost more than the
/// creation; between two counts each process adds and takes away what it moves itself. So within one process the limit
/// holds at once, and what other processes moved is known by the next count.
/// </summary>
public sealed class TaskDepth(IOptions<TaskOptions> options)
{
    private readonly long _max = options.Value.QueueMax;

    /// <summary>What was live when <see cref="_moved"/> was zero, by the last count.</summary>
    private long _base;

    private long _moved;

    public long Queued { get; private set; }

    public long Running { get; private set; }

    /// <summary>Age of the task that could have started first and has not; zero when none waits.</summary>
    public double OldestSeconds { get; private set; }

    /// <summary>How many more tasks may be queued; zero when the queue is full.</summary>
    public long Room => Math.Max(0, _max - Live);

    /// <summary>Tasks that this process put into the queue, less those it took out, since it started.</summary>
    internal long Moved => Interlocked.Read(ref _moved);

    private long Live => Interlocked.Read(ref _base) + Moved;

    /// <exception cref="ApiException">The queue has no room for so many.</exception>
    public void RequireRoom(int count)
    {
        var live = Live;
        if (live + count <= _max) return;
        throw new ApiException(
            ErrorCodes.TaskQueueFull, $"the queue holds {live} live tasks, and {_max} is its limit");
    }

    /// <summary>So many more tasks are live by a transaction that is durable; fewer when negative.</summary>
    internal void Move(int count) => Interlocked.Add(ref _moved, count);

    /// <param name="moved">
    /// <see cref="Moved"/> before the count began. A task put in while it ran may be counted twice until the next one,
    /// but never be missed.
    /// </param>
    internal void Set(TaskQueueCount count, long moved)
    {
        Queued = count.Queued;
        Running = count.Running;
        OldestSeconds = count.OldestMs / 1000.0;
        Interlocked.Exchange(ref _base, count.Queued + count.Running - moved);
    }
}

/// <param name="OldestMs">Time since the first of those that are due became so.</param>
internal readonly record struct TaskQueueCount(long Queued, long Running, long OldestMs);
