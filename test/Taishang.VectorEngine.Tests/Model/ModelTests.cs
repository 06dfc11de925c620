namespace Taishang.VectorEngine.Tests.Model;

/// <summary>
/// Seeded random operations of every kind, restarts and restores among them, against a dictionary and a plain loop:
/// over each index kind under each metric, compressions with and without floats, and shards; 100,000 operations
/// together, ten times as many when TAISHANG_LONG_TESTS is 1. A failure says its seed and the number of the operation.
/// </summary>
public sealed class ModelTests(ITestOutputHelper output)
{
    private const int OperationsOfAll = 100_000;
    private const int LongFactor = 10;

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    public static TheoryData<int, IndexKind, DistanceMetric, int, CompressionKind, RerankKind> Worlds
    {
        get
        {
            var worlds = new TheoryData<int, IndexKind, DistanceMetric, int, CompressionKind, RerankKind>();
            foreach (var kind in Enum.GetValues<IndexKind>())
            {
                foreach (var metric in Enum.GetValues<DistanceMetric>())
                    worlds.Add(worlds.Count + 1, kind, metric, 1, CompressionKind.None, RerankKind.Float32);
            }

            Add(worlds, IndexKind.Hnsw, DistanceMetric.L2, CompressionKind.Sq8, RerankKind.Float32);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.Cosine, CompressionKind.Sq8, RerankKind.None);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.Dot, CompressionKind.Sq4, RerankKind.Float32);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.L2, CompressionKind.Sq4, RerankKind.None);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.Cosine, CompressionKind.Binary, RerankKind.Float32);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.L2, CompressionKind.Binary, RerankKind.None);
            Add(worlds, IndexKind.Flat, DistanceMetric.Dot, CompressionKind.Sq8, RerankKind.None);
            Add(worlds, IndexKind.Flat, DistanceMetric.L2, CompressionKind.Binary, RerankKind.Float32);
            Add(worlds, IndexKind.IvfFlat, DistanceMetric.Cosine, CompressionKind.Sq4, RerankKind.Float32);
            Add(worlds, IndexKind.IvfFlat, DistanceMetric.Dot, CompressionKind.Binary, RerankKind.None);
            Add(worlds, IndexKind.IvfSq8, DistanceMetric.L2, CompressionKind.Sq8, RerankKind.None);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.L2, CompressionKind.None, RerankKind.Float32, 3);
            Add(worlds, IndexKind.Flat, DistanceMetric.Dot, CompressionKind.None, RerankKind.Float32, 4);
            Add(worlds, IndexKind.Hnsw, DistanceMetric.Cosine, CompressionKind.Sq8, RerankKind.None, 2);
            return worlds;
        }
    }

    [Theory]
    [MemberData(nameof(Worlds))]
    public async Task Random_operations_match_a_dictionary(
        int seed, IndexKind kind, DistanceMetric metric, int shards, CompressionKind compression, RerankKind rerank)
    {
        var operations = (OperationsOfAll + Worlds.Count - 1) / Worlds.Count * (IsLong ? LongFactor : 1);
        var options = new VectorCollectionOptions
        {
            Dimensions = compression == CompressionKind.Binary ? Limits.BinaryDimensionsMin : 8,
            Metric = metric,
            Index = kind,
            Shards = shards,
            Compression = compression,
            Rerank = rerank,
            Hnsw = new HnswOptions { EfConstruction = 40, EfSearch = 16 },
        };
        await using var run = new ModelRun(seed, options);
        try
        {
            await run.PlayAsync(operations);
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException(
                $"seed {seed}, {kind}, {metric}, {shards} shards, {compression}, {rerank}, "
                + $"operation {run.Operation} ({run.Doing}): {exception.Message}",
                exception);
        }

        output.WriteLine($"{kind} {metric} {shards} {compression} {rerank}: {run.Summary}");
        if (compression != CompressionKind.None)
            Assert.True(run.ReadsOverCodes > 50, $"only {run.ReadsOverCodes} reads met an index over codes");
    }

    private static void Add(
        TheoryData<int, IndexKind, DistanceMetric, int, CompressionKind, RerankKind> worlds,
        IndexKind kind, DistanceMetric metric, CompressionKind compression, RerankKind rerank, int shards = 1) =>
        worlds.Add(worlds.Count + 1, kind, metric, shards, compression, rerank);
}
