namespace Taishang.VectorEngine.Tests.Indexes;

public sealed class AutoTests
{
    private const int Dimensions = 16;

    /// <summary>Rows of 16 floats and their overhead: 192 bytes each, so that a graph begins above 3,000 of them.
    /// </summary>
    private const long ScanBytesMax = 3_000 * 192;

    [Fact]
    public async Task Few_rows_are_scanned_and_count_as_covered()
    {
        await using var folder = NewFolder();
        var collection = await folder.CreateAsync(Options());
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(1, 3000, Dimensions)));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        var description = collection.Describe();
        Assert.Equal(IndexKind.Flat, description.Index.Kind);
        Assert.Equal(3000, description.IndexedRows);
        Assert.Equal(0, description.Index.CodeBytes + description.Index.LinkBytes);
        Assert.Equal(Dimensions * sizeof(float), description.Index.BytesPerVector);
        Assert.Contains("a scan reads 576000 bytes, a graph begins above 576000", description.Index.Reason);
    }

    [Fact]
    public async Task A_graph_is_begun_when_it_pays_also_when_no_build_is_asked_for()
    {
        await using var folder = NewFolder();
        var collection = await folder.CreateAsync(Options());
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(2, 3100, Dimensions)));

        // Writing called for it; a second, empty build waits until that pass is through.
        await collection.BuildIndexAsync(null, CancellationToken.None);

        var description = collection.Describe();
        Assert.Equal(IndexKind.Hnsw, description.Index.Kind);
        Assert.Equal(3100, description.IndexedRows);
        Assert.True(description.Index.CodeBytes >= 3100 * Dimensions);
        Assert.True(description.Index.LinkBytes > 0);
        Assert.True(description.Index.IndexDiskBytes > 0);
        Assert.Equal(3100 * Dimensions * sizeof(float), description.Index.FloatDiskBytes);

        collection = await folder.ReopenAsync();
        Assert.Equal(IndexKind.Hnsw, collection.Describe().Index.Kind);
    }

    [Fact]
    public async Task A_graph_stays_near_its_bound_and_goes_at_half_of_it()
    {
        await using var folder = NewFolder();
        folder.Engine = folder.Engine with { AutoScanBytesMax = 6_000 * 192 };
        var collection = await folder.CreateAsync(Options());
        var rows = Rows.Numbered(Rows.Vectors(3, 6100, Dimensions));
        await collection.UpsertAllAsync(rows);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(IndexKind.Hnsw, collection.Describe().Index.Kind);

        await collection.DeleteAsync([.. rows.Take(2500).Select(row => row.Id)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(IndexKind.Hnsw, collection.Describe().Index.Kind);

        await collection.DeleteAsync([.. rows.Skip(2500).Take(1000).Select(row => row.Id)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var description = collection.Describe();
        Assert.Equal(IndexKind.Flat, description.Index.Kind);
        Assert.Equal((2600, 0, 2600), (description.LiveRows, description.DeadRows, description.IndexedRows));

        collection = await folder.ReopenAsync();
        Assert.Equal(IndexKind.Flat, collection.Describe().Index.Kind);
        Assert.Equal(2600, collection.Count());
    }

    private static EngineFolder NewFolder()
    {
        var folder = new EngineFolder();
        folder.Engine = folder.Engine with { AutoScanBytesMax = ScanBytesMax };
        return folder;
    }

    private static VectorCollectionOptions Options() => new()
    {
        Dimensions = Dimensions,
        Metric = DistanceMetric.L2,
        Index = IndexKind.Auto,
    };
}
