using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks;

/// <summary>
/// Does the work of one task type. Registered by its type; one instance serves all tasks of it, in parallel. A task
/// may be run again after a crash at any point, so what it does must bear repeating.
/// </summary>
public interface ITaskExecutor
{
    /// <summary>training, embedding, index, evaluation, ingestion, snapshot or restore.</summary>
    string Type { get; }

    /// <summary>
    /// True when it looks at <see cref="TaskContext.StopAsked"/> between its steps: then a stop lets the step end that
    /// runs, up to <see cref="TaskOptions.StopGraceMs"/>, so that nothing is done twice. Cancel never waits.
    /// </summary>
    bool ParksItself => false;

    /// <summary>Checks a payload when the task is created or changed; fields are named <c>payload.…</c>.</summary>
    void Validate(JsonElement payload, FieldErrors errors);

    /// <summary>Runs one attempt and returns its result as JSON, or null for none.</summary>
    /// <exception cref="TaskFailedException">The attempt failed; the exception says whether to try again.</exception>
    /// <exception cref="OperationCanceledException">The attempt was stopped, cancelled or lost its lease.</exception>
    Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation);
}

/// <summary>An attempt failed for a reason that the executor knows. Other exceptions count as retriable.</summary>
/// <param name="retriable">False fails the task at once: another attempt would meet the same.</param>
public sealed class TaskFailedException(string message, bool retriable, Exception? inner = null)
    : Exception(message, inner)
{
    public bool Retriable { get; } = retriable;
}
