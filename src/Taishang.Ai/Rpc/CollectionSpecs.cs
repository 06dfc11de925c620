using Taishang.Contracts.Ai.V1;
using Taishang.VectorEngine;

namespace Taishang.Ai.Rpc;

/// <summary>A collection's spec between the wire and the engine; zero on the wire takes the engine's default.</summary>
internal static class CollectionSpecs
{
    public const string EmbeddedEngine = "embedded";

    private static readonly HnswOptions Defaults = new();

    public static VectorCollectionOptions ToEngine(CollectionSpec? spec)
    {
        if (spec is null) throw Invalid("spec", "the spec is missing");
        if (spec.Engine is not ("" or EmbeddedEngine))
            throw Invalid("spec.engine", $"this worker has the engine {EmbeddedEngine}, asked for '{spec.Engine}'");
        return new VectorCollectionOptions
        {
            Dimensions = InRange("spec.dims", spec.Dims, 1, Limits.DimensionsMax),
            Metric = spec.Metric switch
            {
                Metric.Cosine => DistanceMetric.Cosine,
                Metric.L2 => DistanceMetric.L2,
                Metric.Dot => DistanceMetric.Dot,
                _ => throw Invalid("spec.metric", $"expected COSINE, L2 or DOT, got {spec.Metric}"),
            },
            Index = IndexTypes.ToEngine(spec.IndexType) ?? throw Invalid(
                "spec.index_type", $"expected one of {IndexTypes.Names}, got {spec.IndexType}"),
            Hnsw = new HnswOptions
            {
                Connectivity = OrDefault(
                    "spec.connectivity", spec.Connectivity, Defaults.Connectivity,
                    (Limits.ConnectivityMin, Limits.ConnectivityMax)),
                EfConstruction = OrDefault(
                    "spec.ef_construction", spec.EfConstruction, Defaults.EfConstruction,
                    (Limits.EfConstructionMin, Limits.EfConstructionMax)),
                EfSearch = OrDefault("spec.ef_search", spec.EfSearch, Defaults.EfSearch, (1, Limits.EfSearchMax)),
            },
            Ivf = new IvfOptions
            {
                Lists = InRange("spec.nlist", spec.Nlist, 0, Limits.ListsMax),
                Probes = InRange("spec.nprobe", spec.Nprobe, 0, Limits.ListsMax),
            },
            Shards = OrDefault("spec.shards", spec.Shards, 1, (1, Limits.ShardsMax)),
            Compression = CompressionTypes.ToEngine(spec.Compression) ?? throw Invalid(
                "spec.compression", $"expected NONE, SQ8, SQ4 or BINARY, got {spec.Compression}"),
            Rerank = CompressionTypes.ToEngine(spec.Rerank) ?? throw Invalid(
                "spec.rerank", $"expected FLOAT32, FLOAT16 or NONE, got {spec.Rerank}"),
            TimeToLive = spec.TtlSeconds switch
            {
                0 => null,
                > 0 and <= RpcLimits.TtlSecondsMax => TimeSpan.FromSeconds(spec.TtlSeconds),
                _ => throw Invalid(
                    "spec.ttl_seconds", $"expected 0 to {RpcLimits.TtlSecondsMax}, got {spec.TtlSeconds}"),
            },
        };
    }

    public static CollectionSpec ToWire(VectorCollectionOptions options) => new()
    {
        Dims = options.Dimensions,
        Metric = options.Metric switch
        {
            DistanceMetric.Cosine => Metric.Cosine,
            DistanceMetric.L2 => Metric.L2,
            _ => Metric.Dot,
        },
        IndexType = IndexTypes.ToWire(options.Index),
        Connectivity = options.Hnsw.Connectivity,
        EfConstruction = options.Hnsw.EfConstruction,
        EfSearch = options.Hnsw.EfSearch,
        Nlist = options.Ivf.Lists,
        Nprobe = options.Ivf.Probes,
        Compression = CompressionTypes.ToWire(options.Compression),
        Rerank = CompressionTypes.ToWire(options.Rerank),
        TtlSeconds = options.TimeToLive is { } ttl ? (long)ttl.TotalSeconds : 0,
        Engine = EmbeddedEngine,
        Shards = options.Shards,
    };

    private static int OrDefault(string field, int value, int byDefault, (int Lowest, int Highest) range) =>
        value == 0 ? byDefault : InRange(field, value, range.Lowest, range.Highest);

    private static int InRange(string field, int value, int lowest, int highest) =>
        value >= lowest && value <= highest
            ? value
            : throw Invalid(field, $"expected {lowest} to {highest}, got {value}");

    private static WorkerException Invalid(string field, string reason) =>
        new(ErrorCode.CollectionParameterInvalid, $"{field}: {reason}", field);
}
