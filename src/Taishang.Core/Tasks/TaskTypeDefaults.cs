namespace Taishang.Core.Tasks;

/// <summary>What suits the types that the system brings, where nobody says otherwise.</summary>
internal static class TaskTypeDefaults
{
    private const long HourMs = 3_600_000;

    public static Dictionary<string, TaskTypeOptions> Make() => new()
    {
        // Meets limits of models' endpoints, which pass within minutes; goes on from its last batch.
        ["embedding"] = new TaskTypeOptions
        {
            MaxAttempts = 5,
            TimeoutMs = 6 * HourMs,
            BackoffBaseMs = 2_000,
            BackoffMaxMs = 300_000,
        },
        // A build that ran out of memory should not come back at once.
        ["index"] = new TaskTypeOptions
        {
            MaxAttempts = 3,
            TimeoutMs = 12 * HourMs,
            BackoffBaseMs = 5_000,
            BackoffMaxMs = 600_000,
        },
        // Begins anew at each attempt, and somebody waits for it.
        ["evaluation"] = new TaskTypeOptions
        {
            MaxAttempts = 2,
            TimeoutMs = 6 * HourMs,
            BackoffBaseMs = 1_000,
            BackoffMaxMs = 60_000,
        },
        // Sources outside are away for longer than a model is busy.
        ["ingestion"] = new TaskTypeOptions
        {
            MaxAttempts = 8,
            TimeoutMs = 24 * HourMs,
            BackoffBaseMs = 5_000,
            BackoffMaxMs = 900_000,
        },
        // Days of work: another try is a decision.
        ["training"] = new TaskTypeOptions
        {
            MaxAttempts = 1,
            TimeoutMs = NewTask.TimeoutMsMax,
            BackoffBaseMs = 10_000,
            BackoffMaxMs = 900_000,
        },
    };
}
