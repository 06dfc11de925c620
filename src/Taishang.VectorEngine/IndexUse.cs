using Taishang.VectorEngine.Segments;

namespace Taishang.VectorEngine;

/// <summary>The structure that answers a collection's searches now, and what it costs.</summary>
public sealed record IndexUse
{
    /// <summary>Never <see cref="IndexKind.Auto"/>: what it chose.</summary>
    public required IndexKind Kind { get; init; }

    /// <summary>Why it is this one, in a sentence.</summary>
    public required string Reason { get; init; }

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
            Reason = new IndexChoice(manifest.Options, engine).Reason(snapshot.Live, index?.Kind),
            BytesPerVector = covered > 0 ? bytes.Total / covered : rows.StrideBytes,
            CodeBytes = bytes.Codes,
            LinkBytes = bytes.Links,
            FloatBytes = rows.FloatBytes,
            FloatMappedBytes = rows.FloatMappedBytes,
            FloatDiskBytes = (long)manifest.SealedRows() * rows.StrideBytes,
            IndexDiskBytes = manifest.Graph is null ? 0 : files.BytesOf(manifest.Graph),
        };
    }
}
