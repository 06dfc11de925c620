using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai;

/// <summary>A refusal or failure that the caller may read, with its code of the one error table.</summary>
/// <param name="code">Decides the gRPC status too.</param>
/// <param name="message">What was expected and what came.</param>
/// <param name="field">In dotted form, such as <c>rows[3].vector</c>; empty where no field is to blame.</param>
internal sealed class WorkerException(ErrorCode code, string message, string field = "", Exception? inner = null)
    : Exception(message, inner)
{
    private static readonly TimeSpan MemoryWait = TimeSpan.FromSeconds(5);

    public ErrorCode Code { get; } = code;

    public string Field { get; } = field;

    /// <summary>When another try makes sense, where that is known.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Work that was not begun because it would not fit. Room comes when other work ends, so it is worth
    /// another try a little later.</summary>
    public static WorkerException OfMemory(string message, Exception inner) =>
        new(ErrorCode.InsufficientMemory, message, inner: inner) { RetryAfter = MemoryWait };
}
