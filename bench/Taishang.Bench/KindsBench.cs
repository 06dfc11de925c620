using System.Diagnostics;
using Taishang.Bench.Peers;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>Every kind of index and compression on the same rows: build, recall, speed, and what each keeps.</summary>
internal static class KindsBench
{
    private const int TopK = 10;
    private const int BatchRows = 1_000;

    private static readonly (IndexKind Index, CompressionKind Compression, RerankKind Rerank)[] Forms =
    [
        (IndexKind.Flat, CompressionKind.None, RerankKind.Float32),
        (IndexKind.Flat, CompressionKind.Sq8, RerankKind.Float32),
        (IndexKind.Flat, CompressionKind.Binary, RerankKind.Float32),
        (IndexKind.Hnsw, CompressionKind.None, RerankKind.Float32),
        (IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.Float32),
        (IndexKind.Hnsw, CompressionKind.Sq8, RerankKind.None),
        (IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.Float32),
        (IndexKind.Hnsw, CompressionKind.Sq4, RerankKind.None),
        (IndexKind.Hnsw, CompressionKind.Binary, RerankKind.Float32),
        (IndexKind.IvfFlat, CompressionKind.None, RerankKind.Float32),
        (IndexKind.IvfSq8, CompressionKind.Sq8, RerankKind.Float32),
        (IndexKind.IvfFlat, CompressionKind.Sq4, RerankKind.Float32),
    ];

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var data = FashionMnist.Load(size.Rows, size.Queries);
        var exact = data.ExactNearest(TopK);
        foreach (var (index, compression, rerank) in Forms)
        {
            var options = new VectorCollectionOptions
            {
                Dimensions = FashionMnist.Dims,
                Metric = DistanceMetric.L2,
                Index = index,
                Compression = compression,
                Rerank = rerank,
            };
            await RunAsync(size, data, exact, options, cancellation);
        }
    }

    private static async Task RunAsync(
        BenchSize size, FashionMnist data, int[][] exact, VectorCollectionOptions options,
        CancellationToken cancellation)
    {
        var name = $"{options.Index} {options.Compression} rerank {options.Rerank}";
        var report = new Report($"{name}, {data.Name} {data.Rows.Length} x {FashionMnist.Dims} l2");
        using var folder = new TestFolder();
        CollectGarbage();
        var before = ProcessMemory.Read(Environment.ProcessId);
        await using var collection = await VectorCollection.CreateAsync(
            folder.File("collection"), options, new VectorEngineOptions(), cancellation);
        foreach (var batch in data.Rows.Select((v, i) => new VectorRow(VectorId.FromInteger(i), v)).Chunk(BatchRows))
            await collection.UpsertAsync(batch, cancellation);
        var watch = Stopwatch.StartNew();
        await collection.BuildIndexAsync(null, cancellation);
        report.Add("build", watch.Elapsed.TotalSeconds, "s");
        CollectGarbage();
        report.Add("resident after the build", Taken(before), "MB");
        Measure(collection, data, exact, size, report);
        CollectGarbage();
        report.Add("resident after searches", Taken(before), "MB");
        var use = collection.Describe().Index;
        report.Add("bytes a vector", use.BytesPerVector, "B");
        report.Add("codes", use.CodeBytes / 1e6, "MB");
        report.Add("links", use.LinkBytes / 1e6, "MB");
        report.Print();
    }

    private static double Taken(ProcessMemory before) =>
        ProcessMemory.Read(Environment.ProcessId).Less(before).Resident;

    private static void Measure(
        VectorCollection collection, FashionMnist data, int[][] exact, BenchSize size, Report report)
    {
        var found = 0;
        for (var q = 0; q < data.Queries.Length; q++)
        {
            var hits = collection.Search(new SearchRequest(data.Queries[q], TopK)).Hits;
            found += hits.Count(hit => exact[q].Contains(int.Parse(hit.Id.Text)));
        }

        report.Add("recall@10", found / (double)(data.Queries.Length * TopK), "share");
        var length = TimeSpan.FromSeconds(size.Seconds);
        long searches = 0;
        var watch = Stopwatch.StartNew();
        for (var q = 0; watch.Elapsed < length; q++, searches++)
            collection.Search(new SearchRequest(data.Queries[q % data.Queries.Length], TopK));
        report.Add("one thread", searches / watch.Elapsed.TotalSeconds, "queries/s");
    }

    /// <summary>What the collector has yet to take is no part of what an index needs.</summary>
    private static void CollectGarbage()
    {
#pragma warning disable RS0030 // A benchmark of memory measures what is used, not what waits for the collector.
        GC.Collect();
#pragma warning restore RS0030
    }
}
