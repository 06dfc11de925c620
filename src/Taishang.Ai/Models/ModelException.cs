using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Models;

/// <summary>
/// Why a model could not be loaded or could not answer; one kind maps to one code of the error table.
/// </summary>
internal enum ModelErrorKind
{
    /// <summary>No such provider, model or version. The caller was wrong.</summary>
    UnknownModel,

    /// <summary>The configuration or reference is malformed. The caller was wrong.</summary>
    InvalidConfig,

    /// <summary>A text or tensor is empty, too large or of the wrong type or shape. The caller was wrong.</summary>
    InvalidInput,

    /// <summary>A file that the model needs is not in the models folder.</summary>
    FileMissing,

    /// <summary>A path or a link leads out of the models folder. Refused always.</summary>
    PathEscape,

    /// <summary>The files are there but can not be read as a model of the asked kind.</summary>
    LoadFailed,

    /// <summary>
    /// The endpoint is not one that may be reached: metadata, or a private network that is not allowed.
    /// </summary>
    EndpointRefused,

    /// <summary>
    /// Too many calls wait for this model already; try again after <see cref="ModelException.RetryAfter"/>.
    /// </summary>
    Busy,

    /// <summary>The remote service limits the rate; try again after <see cref="ModelException.RetryAfter"/>.</summary>
    UpstreamLimited,

    /// <summary>The remote service refuses the credentials.</summary>
    UpstreamUnauthorized,

    /// <summary>The remote service did not answer in time.</summary>
    UpstreamTimeout,

    /// <summary>The remote service could not be reached, answered with an error, or answered nonsense.</summary>
    UpstreamFailed,

    /// <summary>The model ran and failed, or gave numbers that are not finite.</summary>
    RunFailed,
}

/// <summary>A model could not be loaded or could not answer. The message is fit for the caller to read.</summary>
internal sealed class ModelException(ModelErrorKind kind, string message, Exception? inner = null)
    : Exception(message, inner)
{
    public ModelErrorKind Kind { get; } = kind;

    /// <summary>When another try makes sense, if the model or service said so.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The text or row that was refused, from 0, if it was one.</summary>
    public int? Row { get; init; }

    /// <summary>The field that was refused, where it is another than the kind has usually.</summary>
    public string? Field { get; init; }

    /// <summary>What was read was replaced meanwhile: the same again, at once, may go well.</summary>
    public bool IsOvertaken { get; init; }

    /// <summary>The code that another worker gave; null where the kind says it.</summary>
    public ErrorCode? Code { get; init; }

    /// <summary>True where the same call may pass later without being changed.</summary>
    public bool Retriable => Kind is ModelErrorKind.Busy or ModelErrorKind.UpstreamLimited
        or ModelErrorKind.UpstreamTimeout or ModelErrorKind.UpstreamFailed;
}
