using System.Globalization;

namespace Taishang.VectorEngine.Crash;

/// <summary>Makes, fills, indexes, compacts and drops one collection after the other.</summary>
internal static class MemoryRounds
{
    private const int Dimensions = 256;
    private const int RowCount = 20_000;
    private const int RowsPerCall = 1_000;

    public static async Task RunAsync(string folder, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var place = Path.Combine(folder, round.ToString(CultureInfo.InvariantCulture));
            await OneAsync(place);
            Directory.Delete(place, recursive: true);
#pragma warning disable RS0030 // What is measured is what a dropped collection leaves, not when the collector comes.
            GC.Collect();
#pragma warning restore RS0030
            Console.WriteLine(Environment.WorkingSet.ToString(CultureInfo.InvariantCulture));
        }
    }

    private static async Task OneAsync(string folder)
    {
        var random = new Random(1);
        var engine = new VectorEngineOptions { SyncBeforeAcknowledge = false };
        await using var collection = await VectorCollection.CreateAsync(
            folder,
            new VectorCollectionOptions
            {
                Dimensions = Dimensions,
                Metric = DistanceMetric.L2,
                Hnsw = new HnswOptions { Connectivity = 4, EfConstruction = 8 },
            },
            engine,
            CancellationToken.None);
        for (var start = 0; start < RowCount; start += RowsPerCall)
        {
            await collection.UpsertAsync(
                [.. Enumerable.Range(start, RowsPerCall).Select(id => Row(id, random))], CancellationToken.None);
        }

        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DeleteAsync([VectorId.FromInteger(7)], CancellationToken.None);
        await collection.CompactAsync(null, CancellationToken.None);
        collection.Search(new SearchRequest(Row(0, random).Vector, 10));
    }

    private static VectorRow Row(int id, Random random)
    {
        var vector = new float[Dimensions];
        for (var i = 0; i < vector.Length; i++)
            vector[i] = random.NextSingle();
        return new VectorRow(VectorId.FromInteger(id), vector);
    }
}
