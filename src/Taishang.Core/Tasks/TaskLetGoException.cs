namespace Taishang.Core.Tasks;

/// <summary>
/// An attempt ended before its work did and by no fault of the task: it goes back into the queue, keeps its checkpoint,
/// and uses up no attempt.
/// </summary>
internal sealed class TaskLetGoException(string message, Exception? inner = null) : Exception(message, inner);
