using System.Diagnostics;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>The two processes of <see cref="RecoveryBench"/>: one that writes until it is killed, one that opens what
/// is left.</summary>
internal static class RecoveryChild
{
    public const int Dims = 768;
    private const int BatchRows = 1_000;

    /// <summary>Quick to build: what is measured is the opening.</summary>
    private const int EfConstruction = 40;

    public static Task RunAsync(string[] arguments, CancellationToken cancellation) => arguments switch
    {
        ["write", var path, var rows] => WriteAsync(path, int.Parse(rows), cancellation),
        ["read", var path, var rows] => ReadAsync(path, int.Parse(rows), cancellation),
        _ => throw new ArgumentException("recovery-child write|read PATH ROWS"),
    };

    /// <summary>Says after each batch how many rows are acknowledged; builds after so many, then goes on for ever.
    /// </summary>
    private static async Task WriteAsync(string path, int rows, CancellationToken cancellation)
    {
        var options = new VectorCollectionOptions
        {
            Dimensions = Dims,
            Hnsw = new HnswOptions { EfConstruction = EfConstruction },
        };
        await using var collection =
            await VectorCollection.CreateAsync(path, options, new VectorEngineOptions(), cancellation);
        for (var written = 0; ; written += BatchRows)
        {
            if (written == rows)
                await collection.BuildIndexAsync(null, cancellation);
            var batch = Enumerable.Range(written, BatchRows)
                .Select(id => new VectorRow(VectorId.FromInteger(id), Vector(id)));
            await collection.UpsertAsync([.. batch], cancellation);
            Console.WriteLine(written + BatchRows);
        }
    }

    /// <summary>Opens, searches once and says so; then says how many of the acknowledged rows are not as written.
    /// </summary>
    private static async Task ReadAsync(string path, int rows, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        await using var collection = await VectorCollection.OpenAsync(path, new VectorEngineOptions(), cancellation);
        var opened = watch.Elapsed.TotalSeconds;
        var nearest = collection.Search(new SearchRequest(Vector(rows / 2), 1), cancellation).Hits;
        Console.WriteLine($"{opened} {collection.Count()}");

        // Of rows at random a graph that was built quickly may miss the very one that is asked for; a scan may not.
        var isFound = nearest is [var hit] && hit.Id.Text == $"{rows / 2}";
        var scan = new SearchRequest(Vector(rows / 2), 1) { Exact = true };
        var wrong = isFound || collection.Search(scan, cancellation).Hits[0].Id.Text == $"{rows / 2}" ? 0 : 1;
        foreach (var ids in Enumerable.Range(0, rows).Chunk(BatchRows))
        {
            var found = collection.Get([.. ids.Select(id => VectorId.FromInteger(id))]);
            wrong += ids.Length - found.Count(row => row.Vector.Span.SequenceEqual(Vector(int.Parse(row.Id.Text))));
        }

        Console.WriteLine($"{wrong} {isFound}");
    }

    private static float[] Vector(int id)
    {
        var random = new Random(id);
        var vector = new float[Dims];
        for (var i = 0; i < Dims; i++)
            vector[i] = random.NextSingle() - 0.5f;
        return vector;
    }
}
