using System.Text.Json;

namespace Taishang.Executors;

/// <summary>
/// Does the work of one task type. Registered by its type; one instance serves all tasks of it, in parallel. A task
/// may be run again after a crash at any point, so what it does must bear repeating.
/// </summary>
public interface ITaskExecutor
{
    /// <summary>A small letter, then small letters, digits and _, at most 50 characters in all.</summary>
    string Type { get; }

    /// <summary>
    /// True when it looks at <see cref="TaskContext.StopAsked"/> between its steps: then a stop lets the step end that
    /// runs, for a while, so that nothing is done twice. Cancel never waits.
    /// </summary>
    bool ParksItself => false;

    /// <summary>
    /// Checks a payload when the task is created or changed, so that whoever made it hears of it at once; fields are
    /// named <c>payload.…</c>. An executor of an ai worker checks when its attempt begins.
    /// </summary>
    void Validate(JsonElement payload, PayloadErrors errors)
    {
    }

    /// <summary>Runs one attempt and returns its result as JSON, or null for none.</summary>
    /// <exception cref="TaskFailedException">The attempt failed; the exception says whether to try again. Any other
    /// exception fails it too, and it is tried again.</exception>
    /// <exception cref="OperationCanceledException">The attempt was stopped, cancelled or lost its lease.</exception>
    Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation);
}
