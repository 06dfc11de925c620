using Taishang.Contracts.Ai.V1;

namespace Taishang.Core.Collections;

/// <summary>The index that is really in use, and its cost in bytes.</summary>
internal sealed record IndexView
{
    /// <summary>Never AUTO: what it chose.</summary>
    public required string IndexType { get; init; }

    public required string Reason { get; init; }

    public required string Compression { get; init; }

    public required string Rerank { get; init; }

    public required long BytesPerVector { get; init; }

    public required long CodeBytes { get; init; }

    public required long LinkBytes { get; init; }

    public required long FloatBytes { get; init; }

    public required long FloatMappedBytes { get; init; }

    public required long FloatDiskBytes { get; init; }

    public required long IndexDiskBytes { get; init; }

    public static IndexView Of(IndexUse use) => new()
    {
        IndexType = IndexTypes.NameOf(use.IndexType),
        Reason = use.Reason,
        Compression = Compressions.NameOf(use.Compression),
        Rerank = Compressions.NameOf(use.Rerank),
        BytesPerVector = use.BytesPerVector,
        CodeBytes = use.CodeBytes,
        LinkBytes = use.LinkBytes,
        FloatBytes = use.FloatBytes,
        FloatMappedBytes = use.FloatMappedBytes,
        FloatDiskBytes = use.FloatDiskBytes,
        IndexDiskBytes = use.IndexDiskBytes,
    };
}
