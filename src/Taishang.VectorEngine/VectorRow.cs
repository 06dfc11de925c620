namespace Taishang.VectorEngine;

/// <summary>One row to write. An upsert replaces the whole row: vector, metadata and expiry.</summary>
/// <param name="Id">Name of the row within its collection.</param>
/// <param name="Vector">Exactly the collection's dimensions, every component finite.</param>
/// <param name="MetadataJson">A JSON object in UTF-8, or empty for none. The engine keeps it as it came.</param>
/// <param name="ExpiresAt">From this moment on the row is gone from search, get and count; null lives on (or takes
/// the collection's time to live).</param>
public sealed record VectorRow(
    VectorId Id,
    ReadOnlyMemory<float> Vector,
    ReadOnlyMemory<byte> MetadataJson = default,
    DateTimeOffset? ExpiresAt = null);
