using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>Compression and what orders its finds, between the wire and the engine.</summary>
internal static class CompressionTypes
{
    /// <summary>Null when this worker does not have it.</summary>
    public static CompressionKind? ToEngine(Compression compression) => compression switch
    {
        Compression.Unspecified or Compression.None => CompressionKind.None,
        Compression.Sq8 => CompressionKind.Sq8,
        Compression.Sq4 => CompressionKind.Sq4,
        Compression.Binary => CompressionKind.Binary,
        _ => null,
    };

    /// <summary>Null when this worker does not have it.</summary>
    public static RerankKind? ToEngine(Rerank rerank) => rerank switch
    {
        Rerank.Unspecified or Rerank.Float32 => RerankKind.Float32,
        Rerank.Float16 => RerankKind.Float16,
        Rerank.None => RerankKind.None,
        _ => null,
    };

    public static Compression ToWire(CompressionKind compression) => compression switch
    {
        CompressionKind.Sq8 => Compression.Sq8,
        CompressionKind.Sq4 => Compression.Sq4,
        CompressionKind.Binary => Compression.Binary,
        _ => Compression.None,
    };

    public static Rerank ToWire(RerankKind rerank) => rerank switch
    {
        RerankKind.None => Rerank.None,
        RerankKind.Float16 => Rerank.Float16,
        _ => Rerank.Float32,
    };
}
