namespace Taishang.Core.Tasks;

/// <summary>Where a task stands. On the wire parked and queued are both <c>pending</c>.</summary>
public enum TaskState
{
    /// <summary>Pending, and waiting for a start.</summary>
    Parked,

    /// <summary>Pending, and waiting for a worker.</summary>
    Queued,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// <summary>What can happen to a task.</summary>
public enum TaskVerb
{
    Start,
    Claim,
    Stop,
    Cancel,

    /// <summary>The attempt succeeded.</summary>
    Complete,

    /// <summary>The attempt failed or was rescued, and another is left.</summary>
    TryAgain,

    /// <summary>The attempt failed or was rescued, and none is left or another would not help.</summary>
    GiveUp,

    /// <summary>The worker stops and gives back what it has not finished.</summary>
    HandBack,
    Retry,
}
