namespace Taishang.VectorEngine;

/// <summary>What the engine refuses or reports by a type of its own.</summary>
public abstract class VectorEngineException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The caller asked for something that the collection cannot take; nothing was written.</summary>
/// <param name="kind">Which rule was broken.</param>
/// <param name="message">Names the row, what was expected and what came.</param>
public sealed class VectorInputException(VectorInputError kind, string message, int? row = null)
    : VectorEngineException(message)
{
    public VectorInputError Kind { get; } = kind;

    /// <summary>Zero-based position of the offending row in the request, where one is.</summary>
    public int? Row { get; } = row;
}

/// <summary>The rules of input, each mapped to one error code at the API's edge.</summary>
public enum VectorInputError
{
    DimensionMismatch,
    NotFinite,
    ZeroVector,
    BadId,
    BadMetadata,
    BadParameter,
    TooManyRows,
}

/// <summary>A scroll cannot go on: it waited too long for its next page, too many others began since, or the collection
/// was closed in between. It has to begin anew.</summary>
public sealed class ScrollExpiredException(string message) : VectorEngineException(message);

/// <summary>The disk does not hold what was written to it.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Byte at which reading failed.</param>
public sealed class CorruptDataException(string file, long offset, string reason)
    : VectorEngineException($"{file} is corrupt at byte {offset}: {reason}")
{
    public string File { get; } = file;

    public long Offset { get; } = offset;
}

/// <summary>The disk refused a write (full, read-only, failing); what was acknowledged before is untouched, and nothing
/// of the write ever comes back unless it <see cref="IsInDoubt"/>.</summary>
public sealed class WriteFailedException(string message, Exception inner) : VectorEngineException(message, inner)
{
    /// <summary>The disk took neither the write for certain nor that it is void. The write is not visible, and void as
    /// soon as the disk takes another one; should the process end before, it is there after the next start as a whole,
    /// or not at all.</summary>
    public bool IsInDoubt { get; init; }
}

/// <summary>The work was not begun, because it would not fit into memory.</summary>
/// <param name="message">Says what was to be done.</param>
/// <param name="neededBytes">What it needs, estimated.</param>
/// <param name="availableBytes">What is left of the limit; 0 where the system refused without a number.</param>
/// <param name="limitBytes">What the process may use; 0 where the system refused without a number.</param>
public sealed class MemoryLimitException(string message, long neededBytes, long availableBytes, long limitBytes)
    : VectorEngineException(message)
{
    public long NeededBytes { get; } = neededBytes;

    public long AvailableBytes { get; } = availableBytes;

    public long LimitBytes { get; } = limitBytes;
}
