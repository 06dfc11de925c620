using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench.Peers;

/// <summary>The exact answers, by our own FLAT index, checked on a sample against a plain loop in double precision.
/// </summary>
internal static class ExactTruth
{
    private const int BatchRows = 1_000;
    private const int CheckedQueries = 40;

    /// <summary>Distances that differ by less, as a share, are ties.</summary>
    private const double Tie = 1e-5;

    public static async Task<int[][]> ComputeAsync(
        float[][] rows, float[][] queries, bool isL2, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        var options = new VectorCollectionOptions
        {
            Dimensions = rows[0].Length,
            Metric = isL2 ? DistanceMetric.L2 : DistanceMetric.Cosine,
            Index = IndexKind.Flat,
        };
        await using var collection = await VectorCollection.CreateAsync(
            folder.File("exact"), options, new VectorEngineOptions { SyncBeforeAcknowledge = false }, cancellation);
        foreach (var batch in rows.Select((vector, id) => new VectorRow(VectorId.FromInteger(id), vector))
            .Chunk(BatchRows))
            await collection.UpsertAsync(batch, cancellation);

        var truth = new int[queries.Length][];
        Parallel.For(0, queries.Length, query =>
        {
            var request = new SearchRequest(queries[query], PeersRequest.TopK) { Exact = true };
            truth[query] = [.. collection.Search(request, cancellation).Hits.Select(hit => int.Parse(hit.Id.Text))];
        });
        Parallel.For(0, Math.Min(CheckedQueries, queries.Length), query =>
            Check(rows, queries[query], truth[query], isL2));
        return truth;
    }

    private static void Check(float[][] rows, float[] query, int[] found, bool isL2)
    {
        var expected = rows.Select(row => Distance(row, query, isL2)).Order().Take(found.Length).ToArray();
        for (var i = 0; i < found.Length; i++)
        {
            var distance = Distance(rows[found[i]], query, isL2);
            if (Math.Abs(distance - expected[i]) > Tie * Math.Max(1, Math.Abs(expected[i])))
                throw new InvalidOperationException($"FLAT found {distance} at place {i}, expected {expected[i]}");
        }
    }

    private static double Distance(float[] row, float[] query, bool isL2)
    {
        double sum = 0;
        for (var i = 0; i < row.Length; i++)
        {
            var part = isL2 ? row[i] - (double)query[i] : row[i];
            sum += part * (isL2 ? part : query[i]);
        }

        return isL2 ? sum : -sum;
    }
}
