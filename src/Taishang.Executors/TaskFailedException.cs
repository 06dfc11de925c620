namespace Taishang.Executors;

/// <summary>An attempt failed for a reason that the executor knows. Other exceptions count as retriable.</summary>
/// <param name="message">Shown to whoever made the task.</param>
/// <param name="retriable">False fails the task at once: another attempt would meet the same.</param>
/// <param name="inner">What it came from.</param>
public sealed class TaskFailedException(string message, bool retriable, Exception? inner = null)
    : Exception(message, inner)
{
    public bool Retriable { get; } = retriable;
}
