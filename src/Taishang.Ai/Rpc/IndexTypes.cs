using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>Kinds of index between the wire, the engine and the tags of metrics.</summary>
internal static class IndexTypes
{
    private static readonly (IndexType Wire, IndexKind Engine, string Tag)[] Known =
    [
        (IndexType.Flat, IndexKind.Flat, "flat"),
        (IndexType.Hnsw, IndexKind.Hnsw, "hnsw"),
        (IndexType.IvfFlat, IndexKind.IvfFlat, "ivf_flat"),
        (IndexType.IvfSq8, IndexKind.IvfSq8, "ivf_sq8"),
        (IndexType.Auto, IndexKind.Auto, "auto"),
    ];

    /// <summary>What this worker has.</summary>
    public static IEnumerable<IndexType> All => Known.Select(known => known.Wire);

    public static string Names => string.Join(", ", Known.Select(known => known.Tag.ToUpperInvariant()));

    /// <summary>Null when this worker does not have it.</summary>
    public static IndexKind? ToEngine(IndexType type)
    {
        foreach (var known in Known)
        {
            if (known.Wire == type) return known.Engine;
        }

        return null;
    }

    public static IndexType ToWire(IndexKind kind) => Known.First(known => known.Engine == kind).Wire;

    public static string TagOf(IndexKind kind) => Known.First(known => known.Engine == kind).Tag;

    public static Contracts.Ai.V1.IndexUse ToWire(VectorEngine.IndexUse use) => new()
    {
        IndexType = ToWire(use.Kind),
        Reason = use.Reason,
        BytesPerVector = use.BytesPerVector,
        CodeBytes = use.CodeBytes,
        LinkBytes = use.LinkBytes,
        FloatBytes = use.FloatBytes,
        FloatMappedBytes = use.FloatMappedBytes,
        FloatDiskBytes = use.FloatDiskBytes,
        IndexDiskBytes = use.IndexDiskBytes,
        Compression = CompressionTypes.ToWire(use.Compression),
        Rerank = CompressionTypes.ToWire(use.Rerank),
    };
}
