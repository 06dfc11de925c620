using System.Text.Json;

namespace Taishang.Executors;

/// <summary>What an executor is given for one attempt. Its members may be called from any thread.</summary>
public abstract class TaskContext
{
    public abstract string TaskId { get; }

    /// <summary>From 1.</summary>
    public abstract int Attempt { get; }

    /// <summary>
    /// Greater with each attempt of the task, over retries too. A worker that was paused past its lease does not know
    /// it: what keeps effects outside should refuse a fence below the greatest that it has seen of the task.
    /// </summary>
    public abstract long Fence { get; }

    public abstract JsonElement Payload { get; }

    /// <summary>What an earlier attempt saved, as JSON; null at first.</summary>
    public abstract string? Checkpoint { get; }

    /// <summary>How long the attempt may take; at its end it is cancelled.</summary>
    public abstract TimeSpan TimeLimit { get; }

    /// <summary>
    /// True once the task was asked to stop, or its process stops. Whoever <see cref="ITaskExecutor.ParksItself"/>
    /// brings its step to an end, saves its checkpoint and calls <see cref="ParkIfAsked"/>.
    /// </summary>
    public virtual bool StopAsked => false;

    /// <summary>Cancelled at the moment from which <see cref="StopAsked"/> is true: for who waits inside of a step.
    /// </summary>
    public virtual CancellationToken StopRequested => CancellationToken.None;

    /// <summary>Lets go when asked to stop: what was not saved before is done again.</summary>
    /// <exception cref="OperationCanceledException">It was asked.</exception>
    public void ParkIfAsked()
    {
        if (StopAsked) throw new OperationCanceledException("the attempt was asked to stop and lets go");
    }

    /// <summary>Reports 0–100; kept in memory and written within half a second or with the next checkpoint.</summary>
    public abstract void ReportProgress(int percent);

    /// <summary>
    /// Writes a line to the task's log, at most 4,000 characters. It is kept in memory and written within half a second
    /// or with the end of the attempt; of a task the newest lines are kept.
    /// </summary>
    public abstract void Log(TaskLogLevel level, string message);

    /// <summary>Adds to the task's cost.</summary>
    public abstract void AddCost(long tokens, long aiMilliseconds);

    /// <summary>
    /// Saves where to go on, at most 1,048,576 characters, with the answers that were found on the way there: both or
    /// neither. In core it is durable when it completes; from an ai worker it is on its way there, in order. Fails when
    /// the lease is lost.
    /// </summary>
    public abstract Task SaveCheckpointAsync(
        string checkpointJson, IReadOnlyList<TaskAnswer> answers, CancellationToken cancellation);

    /// <summary>Saves where to go on.</summary>
    public Task SaveCheckpointAsync(string checkpointJson, CancellationToken cancellation) =>
        SaveCheckpointAsync(checkpointJson, [], cancellation);
}
