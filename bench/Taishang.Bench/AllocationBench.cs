using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>Bytes that a search takes from the garbage collector once it is warm: into an answer that is used again,
/// and with an answer of its own.</summary>
internal static class AllocationBench
{
    private const int Rows = 5_000;
    private const int Searches = 2_000;

    public static async Task RunAsync(CancellationToken cancellation)
    {
        var data = FashionMnist.Load(Rows, 200);
        var report = new Report($"allocation {data.Name} {data.Rows.Length} x {FashionMnist.Dims} l2");
        foreach (var kind in new[] { IndexKind.Hnsw, IndexKind.Flat })
        {
            using var folder = new TestFolder();
            var options = new VectorCollectionOptions
            {
                Dimensions = FashionMnist.Dims,
                Metric = DistanceMetric.L2,
                Index = kind,
            };
            await using var collection = await VectorCollection.CreateAsync(
                folder.File("rows"), options, new VectorEngineOptions(), cancellation);
            await collection.UpsertAsync(
                [.. data.Rows.Select((vector, id) => new VectorRow(VectorId.FromInteger(id), vector))], cancellation);
            await collection.BuildIndexAsync(null, cancellation);
            using var matches = new SearchMatches();
            var request = new SearchRequest(default, 10);
            var name = kind.ToString().ToLowerInvariant();
            report.Add($"{name}, answer used again", BytesPerSearch(data, query =>
                collection.Search(query, request, matches, cancellation)), "bytes a search");
            report.Add($"{name}, answer of its own", BytesPerSearch(data, query =>
                collection.Search(new SearchRequest(query, 10), cancellation)), "bytes a search");
        }

        report.Print();
    }

    private static double BytesPerSearch(FashionMnist data, Action<float[]> search)
    {
        long before = 0;
        for (var i = -Searches; i < Searches; i++)
        {
            if (i == 0)
                before = GC.GetAllocatedBytesForCurrentThread();
            search(data.Queries[(i + Searches) % data.Queries.Length]);
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Searches;
    }
}
