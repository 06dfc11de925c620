using System.Diagnostics;
using System.Numerics.Tensors;
using System.Text;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Filtering;

namespace Taishang.Bench;

/// <summary>
/// Filtered search on one thread, by the share of rows that match and where they lie: anywhere; around a place, asked
/// from near that place; around a place, asked from far away. Processor time is told beside queries/s, because it
/// stands still when the machine is shared.
/// </summary>
internal static class FilterBench
{
    private const int BatchRows = 1_000;
    private const int TopK = 10;
    private const int Seed = 12;

    private static readonly double[] Shares = [0.0001, 0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1];

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var data = FashionMnist.Load(size.Rows, size.Queries);
        foreach (var metric in new[] { DistanceMetric.L2, DistanceMetric.Dot })
            await RunAsync(data, metric, size, cancellation);
    }

    private static async Task RunAsync(
        FashionMnist data, DistanceMetric metric, BenchSize size, CancellationToken cancellation)
    {
        var report = new Report(
            $"filters {data.Name} {data.Rows.Length} x {FashionMnist.Dims} {metric.ToString().ToLowerInvariant()}");
        using var folder = new TestFolder();
        var options = new VectorCollectionOptions { Dimensions = FashionMnist.Dims, Metric = metric };
        await using var collection = await VectorCollection.CreateAsync(
            folder.File("collection"), options, new VectorEngineOptions(), cancellation);
        var (rows, near, far) = Prepare(data);
        foreach (var batch in rows.Chunk(BatchRows))
            await collection.UpsertAsync(batch, cancellation);
        await collection.BuildIndexAsync(null, cancellation);
        Measure("no filter", collection, null, data.Queries, size, report);
        foreach (var share in Shares)
        {
            var most = Math.Max(1, (int)Math.Round(data.Rows.Length * share));
            var anywhere = MetadataFilter.Parse(Encoding.UTF8.GetBytes($"{{\"any\":{{\"$lt\":{most}}}}}"));
            var around = MetadataFilter.Parse(Encoding.UTF8.GetBytes($"{{\"place\":{{\"$lt\":{most}}}}}"));
            Measure($"{share:P2} anywhere", collection, anywhere, data.Queries, size, report);
            Measure($"{share:P2} asked from near", collection, around, near, size, report);
            Measure($"{share:P2} asked from far", collection, around, far, size, report);
        }

        report.Print();
    }

    /// <summary>Rows numbered at random and by their distance from the first query; the tenths of the queries that are
    /// nearest to it and farthest from it.</summary>
    private static (IEnumerable<VectorRow> Rows, float[][] Near, float[][] Far) Prepare(FashionMnist data)
    {
        var place = data.Queries[0];
        var any = Enumerable.Range(0, data.Rows.Length).ToArray();
        new Random(Seed).Shuffle(any);
        var ranks = new int[data.Rows.Length];
        var byDistance = Enumerable.Range(0, ranks.Length)
            .OrderBy(row => TensorPrimitives.Distance(data.Rows[row], place)).ToArray();
        for (var rank = 0; rank < ranks.Length; rank++) ranks[byDistance[rank]] = rank;
        var queries = data.Queries.OrderBy(query => TensorPrimitives.Distance(query, place)).ToArray();
        var tenth = Math.Max(1, queries.Length / 10);
        var rows = data.Rows.Select((vector, i) => new VectorRow(
            VectorId.FromInteger(i), vector,
            Encoding.UTF8.GetBytes($"{{\"any\":{any[i]},\"place\":{ranks[i]}}}")));
        return (rows, queries[..tenth], queries[^tenth..]);
    }

    private static void Measure(
        string name, VectorCollection collection, MetadataFilter? filter, float[][] queries, BenchSize size,
        Report report)
    {
        long found = 0, wanted = 0;
        foreach (var query in queries.Take(200))
        {
            var request = new SearchRequest(query, TopK) { Filter = filter };
            var exact = collection.Search(request with { Exact = true }).Hits.Select(hit => hit.Id).ToHashSet();
            found += collection.Search(request).Hits.Count(hit => exact.Contains(hit.Id));
            wanted += exact.Count;
        }

        var length = TimeSpan.FromSeconds(size.Seconds / (double)Shares.Length);
        var used = Process.GetCurrentProcess().TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        var searches = 0;
        for (; watch.Elapsed < length; searches++)
            collection.Search(new SearchRequest(queries[searches % queries.Length], TopK) { Filter = filter });
        var seconds = watch.Elapsed.TotalSeconds;
        used = Process.GetCurrentProcess().TotalProcessorTime - used;
        report.Add($"{name}: recall@10", found / (double)wanted, "share");
        report.Add($"{name}: queries", searches / seconds, "queries/s");
        report.Add($"{name}: processor", used.TotalMicroseconds / searches, "us/query");
    }
}
