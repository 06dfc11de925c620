using System.Text.Json;

namespace Taishang.Core.Tasks;

/// <summary>What an executor is given for one attempt.</summary>
public abstract class TaskContext
{
    public abstract string TaskId { get; }

    /// <summary>From 1.</summary>
    public abstract int Attempt { get; }

    public abstract JsonElement Payload { get; }

    /// <summary>What an earlier attempt saved, as JSON; null at first.</summary>
    public abstract string? Checkpoint { get; }

    /// <summary>Reports 0–100; kept in memory and written with the next heartbeat or checkpoint.</summary>
    public abstract void ReportProgress(int percent);

    /// <summary>Adds to the task's cost.</summary>
    public abstract void AddCost(long tokens, long aiMilliseconds);

    /// <summary>Saves where to go on; durable when it completes. Fails when the lease is lost.</summary>
    public abstract Task SaveCheckpointAsync(string checkpointJson, CancellationToken cancellation);
}
