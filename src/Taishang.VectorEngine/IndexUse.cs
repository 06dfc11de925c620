using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>The structure that answers a collection's searches now, and what it costs.</summary>
public sealed record IndexUse
{
    /// <summary>Never <see cref="IndexKind.Auto"/>: what it chose.</summary>
    public required IndexKind Kind { get; init; }

    /// <summary>Why it is this one, in a sentence.</summary>
    public required string Reason { get; init; }

    /// <summary>Of the codes that searches compare; none where the index keeps floats too, or codes did not serve.
    /// </summary>
    public required CompressionKind Compression { get; init; }

    /// <summary>What puts the nearest by codes in order.</summary>
    public required RerankKind Rerank { get; init; }

    /// <summary>Bytes that searches keep in memory for one vector: of codes and links where an index covers the rows,
    /// else of floats.</summary>
    public required long BytesPerVector { get; init; }

    /// <summary>Bytes in memory of the form in which the index compares vectors; 0 when it reads the floats.</summary>
    public required long CodeBytes { get; init; }

    /// <summary>Bytes in memory of neighbours or lists.</summary>
    public required long LinkBytes { get; init; }

    /// <summary>Bytes of floats that only memory holds: of rows that are not sealed yet.</summary>
    public required long FloatBytes { get; init; }

    /// <summary>Bytes of floats mapped from files: in memory as far as they are used.</summary>
    public required long FloatMappedBytes { get; init; }

    /// <summary>Bytes of sealed floats on disk.</summary>
    public required long FloatDiskBytes { get; init; }

    /// <summary>Bytes of codes and links on disk.</summary>
    public required long IndexDiskBytes { get; init; }

    internal static IndexUse Of(Snapshot snapshot, CollectionFiles files, VectorEngineOptions engine)
    {
        var manifest = files.Manifest;
        var rows = snapshot.Generation.Rows;
        var index = snapshot.Generation.Index;
        var covered = index?.Covered ?? 0;
        var bytes = index?.Bytes ?? default;
        return new IndexUse
        {
            Kind = index?.Kind ?? IndexKind.Flat,
            Reason = ReasonOf(new IndexChoice(manifest.Options, engine), snapshot, manifest.Options),
            Compression = index?.Form is null ? CompressionKind.None : AskedFor(manifest.Options),
            Rerank = manifest.Options.Rerank,
            BytesPerVector = covered > 0 ? bytes.Total / covered : rows.StrideBytes,
            CodeBytes = bytes.Codes,
            LinkBytes = bytes.Links,
            FloatBytes = rows.FloatBytes,
            FloatMappedBytes = rows.FloatMappedBytes,
            FloatDiskBytes = (long)manifest.SealedRows() * rows.StrideBytes,
            IndexDiskBytes = manifest.Graph is null ? 0 : files.BytesOf(manifest.Graph),
        };
    }

    /// <summary>The codes of IVF_SQ8 are a compression by its name.</summary>
    private static CompressionKind AskedFor(VectorCollectionOptions options) =>
        options.Index == IndexKind.IvfSq8 ? CompressionKind.Sq8 : options.Compression;

    private static string ReasonOf(IndexChoice choice, Snapshot snapshot, VectorCollectionOptions options)
    {
        var index = snapshot.Generation.Index;
        var reason = choice.Reason(snapshot.Live, index?.Kind);
        return index is { Covered: > 0, Form: null } && AskedFor(options) != CompressionKind.None
            ? $"{reason}; {AskedFor(options)} codes do not tell these rows apart, so floats are compared"
            : reason;
    }
}
