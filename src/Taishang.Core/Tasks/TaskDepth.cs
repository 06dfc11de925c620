using Taishang.Core.Api;

namespace Taishang.Core.Tasks;

/// <summary>
/// How full the queue is, looked at every few seconds: a count at each creation would cost more than it.
/// </summary>
public sealed class TaskDepth
{
    private long _live;
    private long _max = long.MaxValue;

    public long Queued { get; private set; }

    public long Running { get; private set; }

    /// <summary>Age of the task that could have started first and has not; zero when none waits.</summary>
    public double OldestSeconds { get; private set; }

    /// <exception cref="ApiException">The queue is full.</exception>
    public void RequireRoom()
    {
        if (Interlocked.Read(ref _live) < Interlocked.Read(ref _max)) return;
        throw new ApiException(
            ErrorCodes.TaskQueueFull, $"the queue holds {_live} live tasks, and {_max} is its limit");
    }

    internal void Set(TaskQueueCount count, long max)
    {
        Queued = count.Queued;
        Running = count.Running;
        OldestSeconds = count.OldestMs / 1000.0;
        Interlocked.Exchange(ref _live, count.Queued + count.Running);
        Interlocked.Exchange(ref _max, max);
    }
}

/// <param name="OldestMs">Time since the first of those that are due became so.</param>
internal readonly record struct TaskQueueCount(long Queued, long Running, long OldestMs);
