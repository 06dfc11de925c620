namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>Groups so large that their vectors are laid in their places while the log is written.</summary>
public sealed class LaidRowsTests
{
    private const int Dimensions = 256;
    private const int BatchRows = 400;

    private static readonly VectorCollectionOptions Options = new()
    {
        Dimensions = Dimensions,
        Metric = DistanceMetric.Cosine,
        Hnsw = new HnswOptions { EfConstruction = 16 },
    };

    [Theory]
    [InlineData(Fault.Write)]
    [InlineData(Fault.ShortWrite)]
    [InlineData(Fault.Sync)]
    public async Task What_was_laid_for_a_refused_write_is_written_over_by_the_next(Fault fault)
    {
        await using var folder = new EngineFolder();
        var device = new FaultyDevice();
        folder.Device = device;
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true };
        var collection = await folder.CreateAsync(Options);
        var vectors = Rows.Vectors(1, 3 * BatchRows, Dimensions);
        await collection.UpsertAsync(Batch(vectors, 0, BatchRows), CancellationToken.None);

        device.FailAt(fault == Fault.Sync ? 1 : 0, fault);
        await Assert.ThrowsAsync<WriteFailedException>(
            () => collection.UpsertAsync(Batch(vectors, BatchRows, BatchRows), CancellationToken.None));
        device.Heal();
        Check(collection, vectors, 0, BatchRows);
        // Few rows, which are not laid, then many: neither may show what was laid before.
        await collection.UpsertAsync(Batch(vectors, 2 * BatchRows, 10), CancellationToken.None);
        await collection.UpsertAsync(Batch(vectors, (2 * BatchRows) + 10, BatchRows - 10), CancellationToken.None);

        CheckBatches(collection, vectors, 0, 2);
        CheckBatches(await folder.ReopenAsync(), vectors, 0, 2);
    }

    [Fact]
    public async Task Writes_of_all_sizes_between_deletes_builds_and_compactions_hold_their_own_vectors()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options);
        var vectors = Rows.Vectors(2, 12 * BatchRows, Dimensions);
        var written = new List<Task>();
        for (var batch = 0; batch < 12; batch++)
        {
            written.Add(
                collection.UpsertAsync(Batch(vectors, batch * BatchRows, BatchRows - 3), CancellationToken.None));
            written.Add(
                collection.UpsertAsync(
                    Batch(vectors, (batch * BatchRows) + BatchRows - 3, 3), CancellationToken.None));
            if (batch % 2 == 1)
            {
                await Task.WhenAll(written);
                var gone = Enumerable.Range((batch - 1) * BatchRows, BatchRows).Select(i => new VectorId(Id(i)));
                Assert.Equal(BatchRows, await collection.DeleteAsync([.. gone], CancellationToken.None));
                written.Add(collection.BuildIndexAsync(null, CancellationToken.None));
            }
        }

        await Task.WhenAll(written);
        CheckBatches(collection, vectors, 1, 3, 5, 7, 9, 11);
        CheckBatches(await folder.ReopenAsync(), vectors, 1, 3, 5, 7, 9, 11);
    }

    private static VectorRow[] Batch(float[][] vectors, int from, int count) =>
        [.. Enumerable.Range(from, count).Select(i => Rows.Row(Id(i), vectors[i]))];

    private static string Id(int i) => $"r{i:D6}";

    private static void CheckBatches(VectorCollection collection, float[][] vectors, params int[] batches)
    {
        Assert.Equal(batches.Length * BatchRows, collection.Count());
        foreach (var batch in batches)
            Check(collection, vectors, batch * BatchRows, BatchRows);
    }

    private static void Check(VectorCollection collection, float[][] vectors, int from, int count)
    {
        var rows = collection.Get([.. Enumerable.Range(from, count).Select(i => new VectorId(Id(i)))]);
        Assert.Equal(count, rows.Count);
        for (var i = 0; i < count; i++)
            Assert.Equal(vectors[from + i], rows[i].Vector.ToArray());
    }
}
