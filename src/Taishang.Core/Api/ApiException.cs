namespace Taishang.Core.Api;

/// <summary>
/// The caller was wrong, or a dependency refused: becomes the envelope with this code. Thrown by handlers and stores,
/// turned into an answer in one place (<see cref="ErrorResponses"/>).
/// </summary>
/// <param name="code">Row of the error table.</param>
/// <param name="message">Names the field and row, what was expected and what came.</param>
/// <param name="errors">All broken rules when there are several.</param>
/// <param name="retryAfter">Sent as Retry-After when present.</param>
public sealed class ApiException(
    ErrorCode code,
    string? message = null,
    IReadOnlyList<FieldError>? errors = null,
    TimeSpan? retryAfter = null,
    Exception? inner = null) : Exception(message ?? code.Message, inner)
{
    public ErrorCode Code { get; } = code;

    public IReadOnlyList<FieldError> Errors { get; } = errors ?? [];

    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>One broken rule.</summary>
/// <param name="Field">Dotted, with row numbers, such as <c>vectors[3].vector</c>; empty for the whole body.</param>
/// <param name="Code">Number of the error table.</param>
/// <param name="Message">What was expected and what came.</param>
public sealed record FieldError(string Field, int Code, string Message);

/// <summary>Collects broken rules so that the caller sees all of them at once.</summary>
public sealed class FieldErrors
{
    /// <summary>More than this would bury the reader; the rest is counted in the message.</summary>
    public const int ErrorsMax = 20;

    private readonly List<(ErrorCode Code, FieldError Error)> _errors = [];
    private int _count;

    public bool Any => _count > 0;

    public void Add(ErrorCode code, string field, string message)
    {
        if (_count++ < ErrorsMax) _errors.Add((code, new FieldError(field, code.Number, message)));
    }

    /// <exception cref="ApiException">At least one rule was broken; the first one gives the code.</exception>
    public void ThrowIfAny()
    {
        if (_count == 0) return;
        var (code, first) = _errors[0];
        var more = _count > 1 ? $" (and {_count - 1} more)" : "";
        var message = first.Field.Length == 0 ? first.Message : $"{first.Field}: {first.Message}";
        throw new ApiException(code, message + more, _errors.ConvertAll(e => e.Error));
    }
}
