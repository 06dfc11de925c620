namespace Taishang.VectorEngine;

/// <summary>The caller asked for something that the collection cannot take; nothing was written.</summary>
/// <param name="kind">Which rule was broken.</param>
/// <param name="message">Names the row, what was expected and what came.</param>
public sealed class VectorInputException(VectorInputError kind, string message, int? row = null) : Exception(message)
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

/// <summary>The disk does not hold what was written to it.</summary>
/// <param name="file">The file.</param>
/// <param name="offset">Byte at which reading failed.</param>
public sealed class CorruptDataException(string file, long offset, string reason)
    : Exception($"{file} is corrupt at byte {offset}: {reason}")
{
    public string File { get; } = file;

    public long Offset { get; } = offset;
}

/// <summary>The disk refused a write (full, read-only, failing); what was acknowledged before is untouched.</summary>
public sealed class WriteFailedException(string message, Exception inner) : Exception(message, inner);
