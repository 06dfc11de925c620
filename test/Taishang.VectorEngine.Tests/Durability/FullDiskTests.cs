namespace Taishang.VectorEngine.Tests.Durability;

public sealed class FullDiskTests
{
    private const int RowCount = 300;

    private static readonly VectorCollectionOptions Options = new()
    {
        Dimensions = 16,
        Metric = DistanceMetric.L2,
        Hnsw = new HnswOptions { EfConstruction = 16 },
    };

    /// <summary>Metadata that does not fit into what is left of the log's last block, which is the log's already.
    /// </summary>
    private static readonly string MoreThanABlock = $$"""{"text":"{{new string('x', 5000)}}"}""";

    [Fact]
    public async Task On_a_full_disk_reads_searches_and_deletes_go_on_and_writes_resume_when_there_is_room()
    {
        await using var folder = new EngineFolder();
        var disk = new SmallDisk();
        folder.Device = disk;
        var collection = await folder.CreateAsync(Options);
        var vectors = Rows.Vectors(1, RowCount, Options.Dimensions);
        await collection.UpsertAllAsync(Rows.Numbered(vectors, i => $"{{\"n\":{i}}}"));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        disk.CapacityBytes = disk.UsedBytes;
        await RefusesAsync(collection);
        Assert.Equal("r000009", collection.Search(new SearchRequest(vectors[9], 1)).Hits[0].Id.Text);
        for (var i = 0; i < 50; i++)
            Assert.Equal(1, await collection.DeleteAsync([new VectorId($"r{i:D6}")], CancellationToken.None));
        Assert.Equal(50, await collection.DeleteAsync(Rows.Filter("""{"n":{"$lt":100}}"""), CancellationToken.None));
        Assert.Equal(RowCount - 100, collection.Count());

        // Not even into the room that deletes left of what was kept back for them.
        await RefusesAsync(collection);
        collection = await folder.ReopenAsync();
        Assert.Equal(RowCount - 100, collection.Count());
        await RefusesAsync(collection);

        disk.CapacityBytes = long.MaxValue;
        await collection.UpsertAsync([Rows.Row("new", vectors[0])], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal("new", collection.Search(new SearchRequest(vectors[0], 1)).Hits[0].Id.Text);
        Assert.Equal(RowCount - 99, (await folder.ReopenAsync()).Count());
    }

    [Fact]
    public async Task Of_writes_that_meet_a_full_disk_together_the_deletes_go_through()
    {
        await using var folder = new EngineFolder();
        var disk = new SmallDisk();
        folder.Device = disk;
        var collection = await folder.CreateAsync(Options);
        var vectors = Rows.Vectors(2, RowCount, Options.Dimensions);
        await collection.UpsertAllAsync(Rows.Numbered(vectors));
        disk.CapacityBytes = disk.UsedBytes;
        var deletes = new List<Task<int>>();
        var upserts = new List<Task<int>>();
        for (var i = 0; i < 100; i++)
        {
            upserts.Add(collection.UpsertAsync(
                [Rows.Row($"u{i}", vectors[i], MoreThanABlock)], CancellationToken.None));
            deletes.Add(collection.DeleteAsync([new VectorId($"r{i:D6}")], CancellationToken.None));
        }

        foreach (var upsert in upserts)
            await Assert.ThrowsAsync<WriteFailedException>(() => upsert);
        Assert.All(await Task.WhenAll(deletes), count => Assert.Equal(1, count));
        Assert.Equal(RowCount - 100, collection.Count());
        Assert.Equal(RowCount - 100, (await folder.ReopenAsync()).Count());
    }

    [Fact]
    public async Task A_collection_killed_in_a_write_opens_on_a_full_disk()
    {
        await using var folder = new EngineFolder();
        var disk = new SmallDisk();
        folder.Device = disk;
        var collection = await folder.CreateAsync(Options);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(3, RowCount, Options.Dimensions)));
        await collection.DisposeAsync();
        // The end of the last record was never written: recovery has to begin a new log.
        var log = folder.FileNamed("log-");
        using (var file = disk.Open(log, writable: true))
            file.SetLength(file.Length - 64);
        disk.CapacityBytes = disk.UsedBytes;
        collection = await folder.ReopenAsync();
        Assert.Equal(0, collection.Count());
        await RefusesAsync(collection);
    }

    private static async Task RefusesAsync(VectorCollection collection)
    {
        var before = collection.Count();
        for (var i = 0; i < 3; i++)
        {
            var refused = await Assert.ThrowsAsync<WriteFailedException>(
                () => collection.UpsertAsync(
                    [Rows.Row("more", new float[16], MoreThanABlock)], CancellationToken.None));
            Assert.Contains("No space left", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(before, collection.Count());
    }
}
