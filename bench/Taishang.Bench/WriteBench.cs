using System.Diagnostics;
using System.Runtime.InteropServices;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Bench;

/// <summary>
/// Durable upserts in batches of 1,000 against what the disk takes when the same bytes are only appended and synced, in
/// turns on the same disk. The graph catches up behind meanwhile.
/// </summary>
internal static class WriteBench
{
    private const int Dims = 768;
    private const int BatchRows = 1_000;
    private const int BatchesPerTurn = 5;
    private const int WarmUpBatches = 10;

    public static async Task RunAsync(BenchSize size, CancellationToken cancellation)
    {
        using var folder = new TestFolder();
        var random = new Random(Dims);
        var vectors = Enumerable.Range(0, BatchRows).Select(_ => Vector(random)).ToArray();
        var bytes = vectors.SelectMany(vector => MemoryMarshal.AsBytes<float>(vector).ToArray()).ToArray();
        await using var collection = await VectorCollection.CreateAsync(
            folder.File("write"), new VectorCollectionOptions { Dimensions = Dims }, new VectorEngineOptions(),
            cancellation);

        // A graph that is there is caught up by itself. The first batches find the code not yet compiled for good.
        for (var i = 0; i < WarmUpBatches; i++)
            await collection.UpsertAsync(Batch(vectors, i), cancellation);
        await collection.BuildIndexAsync(null, cancellation);
        using var plain = new FileStream(folder.File("plain"), FileMode.CreateNew, FileAccess.Write, FileShare.None, 0);
        var turns = Math.Max(1, size.Rows / (BatchRows * BatchesPerTurn));
        var upserts = new double[turns];
        var appends = new double[turns];
        var ratios = new double[turns];
        for (var turn = 0; turn < turns; turn++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < BatchesPerTurn; i++)
            {
                plain.Write(bytes);
                plain.Flush(flushToDisk: true);
            }

            var append = watch.Elapsed.TotalSeconds;
            var batches = Enumerable.Range(0, BatchesPerTurn)
                .Select(i => Batch(vectors, WarmUpBatches + (turn * BatchesPerTurn) + i)).ToArray();
            watch.Restart();
            foreach (var batch in batches)
                await collection.UpsertAsync(batch, cancellation);
            var upsert = watch.Elapsed.TotalSeconds;
            upserts[turn] = BatchesPerTurn * bytes.Length / upsert / 1e6;
            appends[turn] = BatchesPerTurn * bytes.Length / append / 1e6;
            ratios[turn] = append / upsert;
        }

        var behind = collection.Describe();
        var catchUp = Stopwatch.StartNew();
        await collection.BuildIndexAsync(null, cancellation);
        var report = new Report($"write {turns * BatchesPerTurn} batches of {BatchRows} x {Dims} cosine, hnsw");
        report.Add("appended and synced", Report.Percentile(appends, 0.5), "MB/s");
        report.Add("upserted, durable", Report.Percentile(upserts, 0.5), "MB/s");
        report.Add("upserted", Report.Percentile(upserts, 0.5) * 1e6 / (Dims * sizeof(float)), "rows/s");
        report.Add("share of the disk's", Report.Percentile(ratios, 0.5), "(0.5 or more is meant)");
        report.Add("rows not yet in the graph at the end", behind.LiveRows - behind.IndexedRows, "rows");
        report.Add("until they are", catchUp.Elapsed.TotalSeconds, "s");
        report.Print();
    }

    private static VectorRow[] Batch(float[][] vectors, int number) =>
    [
        .. vectors.Select(
            (vector, i) => new VectorRow(VectorId.FromInteger((number * BatchRows) + i), Moved(vector, number))),
    ];

    /// <summary>Other rows in every batch: equal ones would share a node of the graph.</summary>
    private static float[] Moved(float[] vector, int number) =>
        [.. vector[(number % Dims)..], .. vector[..(number % Dims)]];

    private static float[] Vector(Random random)
    {
        var vector = new float[Dims];
        for (var i = 0; i < Dims; i++)
            vector[i] = random.NextSingle() - 0.5f;
        return vector;
    }
}
