using System.Diagnostics;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>The engine without transport: writing, building, searching on one thread and on two.</summary>
internal static class EngineBench
{
    private const int BatchRows = 1_000;
    private const int TopK = 10;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var data = FashionMnist.Load(size.Rows, size.Queries);
        var exact = data.ExactNearest(TopK);
        var report = new Report($"engine {data.Name} {data.Rows.Length} x {FashionMnist.Dims} l2");
        using var folder = new TestFolder();
        var options = new VectorCollectionOptions { Dimensions = FashionMnist.Dims, Metric = DistanceMetric.L2 };
        var path = folder.File("collection");
        await using (var collection = await VectorCollection.CreateAsync(
            path, options, new VectorEngineOptions(), cancellation))
        {
            var watch = Stopwatch.StartNew();
            var rows = data.Rows.Select((v, i) => new VectorRow(VectorId.FromInteger(i), v));
            foreach (var batch in rows.Chunk(BatchRows))
                await collection.UpsertAsync(batch, cancellation);
            report.Add("durable rows in", data.Rows.Length / watch.Elapsed.TotalSeconds, "rows/s");
            watch.Restart();
            await collection.BuildIndexAsync(null, cancellation);
            report.Add("build", watch.Elapsed.TotalSeconds, "s");
            foreach (var ef in new int?[] { 20, 40, 80, null, 200 }) Measure(collection, data, exact, ef, size, report);
        }

        var opening = Stopwatch.StartNew();
        await using var again = await VectorCollection.OpenAsync(path, new VectorEngineOptions(), cancellation);
        report.Add("open", opening.Elapsed.TotalSeconds, "s");
        report.Print();
    }

    private static void Measure(
        VectorCollection collection, FashionMnist data, int[][] exact, int? ef, BenchSize size, Report report)
    {
        var name = ef is null ? "default ef" : $"ef {ef}";
        var found = 0;
        for (var q = 0; q < data.Queries.Length; q++)
        {
            var hits = collection.Search(new SearchRequest(data.Queries[q], TopK) { EfSearch = ef }).Hits;
            found += hits.Count(hit => exact[q].Contains(int.Parse(hit.Id.Text)));
        }

        report.Add($"{name} recall@10", found / (double)(data.Queries.Length * TopK), "share");
        foreach (var threads in new[] { 1, 2 })
        {
            long searches = 0;
            var watch = Stopwatch.StartNew();
            var length = TimeSpan.FromSeconds(size.Seconds);
            Parallel.For(0, threads, new ParallelOptions { MaxDegreeOfParallelism = threads }, number =>
            {
                long mine = 0;
                for (var q = number; watch.Elapsed < length; q++, mine++)
                    collection.Search(new SearchRequest(data.Queries[q % data.Queries.Length], TopK) { EfSearch = ef });
                Interlocked.Add(ref searches, mine);
            });
            report.Add(
                $"{name} {threads} thread{(threads == 1 ? "" : "s")}", searches / watch.Elapsed.TotalSeconds,
                "queries/s");
        }
    }
}
