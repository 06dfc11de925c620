using System.Diagnostics;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>How soon a collection answers after a start: closed in order, and with the last rows in the log alone, as
/// a killed process leaves them.</summary>
internal static class OpenBench
{
    private const int Dims = 768;
    private const int BatchRows = 1_000;

    /// <summary>What the engine seals by default: a killed process leaves fewer than these in its log.</summary>
    private const int UnsealedRowsMax = 49_000;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        var report = new Report($"open {size.Rows} x {Dims} cosine, hnsw");
        using var folder = new TestFolder();
        var path = folder.File("collection");
        var killed = folder.File("killed");
        var options = new VectorCollectionOptions
        {
            Dimensions = Dims,
            Hnsw = new HnswOptions { EfConstruction = 40 },
        };
        var unsealed = Math.Min(UnsealedRowsMax, size.Rows / 2);
        await using (var collection = await VectorCollection.CreateAsync(
            path, options, new VectorEngineOptions(), cancellation))
        {
            await WriteAsync(collection, 0, size.Rows - unsealed, cancellation);
            await collection.BuildIndexAsync(null, cancellation);
            await WriteAsync(collection, size.Rows - unsealed, unsealed, cancellation);
            Copy(path, killed);
            await collection.BuildIndexAsync(null, cancellation);
        }

        await MeasureAsync(report, "closed in order", path, size.Rows, cancellation);
        await MeasureAsync(report, $"killed, {unsealed} rows in the log", killed, size.Rows, cancellation);
        report.Print();
    }

    private static async Task MeasureAsync(
        Report report, string what, string path, int rows, CancellationToken cancellation)
    {
        var before = Anonymous();
        var watch = Stopwatch.StartNew();
        await using var collection = await VectorCollection.OpenAsync(path, new VectorEngineOptions(), cancellation);
        report.Add($"{what}: open", watch.Elapsed.TotalSeconds, "s");
        collection.Search(new SearchRequest(Vector(new Random(1)), 10), cancellation);
        report.Add($"{what}: first answer", watch.Elapsed.TotalSeconds, "s");
        if (collection.Count() != rows)
            throw new InvalidOperationException($"{collection.Count()} rows, expected {rows}");

        var description = collection.Describe();
        report.Add($"{what}: mapped", description.MappedBytes / 1e6, "MB");
        report.Add($"{what}: in memory alone", description.MemoryBytes / 1e6, "MB");
        report.Add($"{what}: anonymous memory of the process", (Anonymous() - before) / 1e6, "MB");
    }

    private static async Task WriteAsync(
        VectorCollection collection, int start, int count, CancellationToken cancellation)
    {
        var random = new Random(start);
        foreach (var batch in Enumerable.Range(start, count).Chunk(BatchRows))
        {
            var rows = batch.Select(
                i => new VectorRow(new VectorId($"row-{i}"), Vector(random), "{\"n\":1}"u8.ToArray()));
            await collection.UpsertAsync([.. rows], cancellation);
        }
    }

    private static float[] Vector(Random random)
    {
        var vector = new float[Dims];
        for (var i = 0; i < Dims; i++)
            vector[i] = random.NextSingle() - 0.5f;
        return vector;
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from).Where(file => Path.GetFileName(file) != "lock"))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
    }

    private static long Anonymous()
    {
        _ = GC.GetTotalMemory(forceFullCollection: true);
        if (!OperatingSystem.IsLinux())
            return Environment.WorkingSet;

        var line = File.ReadLines("/proc/self/status")
            .First(line => line.StartsWith("RssAnon", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1]) << 10;
    }
}
