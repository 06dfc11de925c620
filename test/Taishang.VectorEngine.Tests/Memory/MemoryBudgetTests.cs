using Taishang.VectorEngine.Memory;

namespace Taishang.VectorEngine.Tests.Memory;

public sealed class MemoryBudgetTests
{
    private const long Mebibyte = 1 << 20;
    private const int Dimensions = 96;

    [Fact]
    public void Two_that_begin_at_once_do_not_count_on_the_same_room()
    {
        var used = 10 * Mebibyte;
        var budget = new MemoryBudget(100 * Mebibyte, () => used);
        var first = budget.Reserve(60 * Mebibyte, "the first");
        var refused = Assert.Throws<MemoryLimitException>(() => budget.Reserve(40 * Mebibyte, "the second"));
        Assert.Equal(
            "the second needs about 40 MiB, the process uses 70 of 100 MiB, with 60 MiB promised to running work",
            refused.Message);
        Assert.Equal((40 * Mebibyte, 30 * Mebibyte, 100 * Mebibyte),
            (refused.NeededBytes, refused.AvailableBytes, refused.LimitBytes));

        // What the first has taken of its own room by now is not counted twice.
        used += 50 * Mebibyte;
        using var second = budget.Reserve(30 * Mebibyte, "the second");
        first.Dispose();
        first.Dispose();
        Assert.Equal(30 * Mebibyte, budget.ReservedBytes);
        Assert.Throws<MemoryLimitException>(() => budget.Reserve(11 * Mebibyte, "the third"));
        budget.Reserve(10 * Mebibyte, "the third").Dispose();
    }

    [Fact]
    public async Task A_load_that_would_not_fit_is_refused_and_succeeds_when_there_is_room()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(Options(IndexKind.Hnsw));
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(1, 2_000, Dimensions)));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAllAsync([Rows.Row("late", new float[Dimensions])]);
        var memory = collection.Describe().MemoryBytes;

        long used = 0;
        folder.Engine = folder.Engine with { Memory = new MemoryBudget(memory / 2, () => used) };
        var refused = await Assert.ThrowsAsync<MemoryLimitException>(folder.ReopenAsync);
        Assert.Contains("opening the collection in", refused.Message, StringComparison.Ordinal);
        Assert.InRange(refused.NeededBytes, memory * 3 / 4, memory * 2);

        folder.Engine = folder.Engine with { Memory = new MemoryBudget(memory * 3, () => used) };
        Assert.Equal(2_001, (await folder.ReopenAsync()).Count());
        Assert.Equal(0, folder.Engine.Memory.ReservedBytes);
    }

    [Fact]
    public async Task A_build_that_would_not_fit_is_refused_while_rows_stay_found_and_writable()
    {
        await using var folder = new EngineFolder();
        var used = 0L;
        var budget = new MemoryBudget(8 * Mebibyte, () => Volatile.Read(ref used));
        folder.Engine = folder.Engine with { Memory = budget };
        var collection = await folder.CreateAsync(Options(IndexKind.Hnsw));
        var vectors = Rows.Vectors(2, 3_000, Dimensions);
        await collection.UpsertAllAsync(Rows.Numbered(vectors));

        Volatile.Write(ref used, 8 * Mebibyte - 1_000);
        var refused = await Assert.ThrowsAsync<MemoryLimitException>(
            () => collection.BuildIndexAsync(null, CancellationToken.None));
        Assert.Contains("the index build needs about", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, collection.Describe().IndexedRows);
        Assert.Equal("r000007", collection.Search(new SearchRequest(vectors[7], 1)).Hits[0].Id.Text);
        await collection.DeleteAsync([new VectorId("r000007")], CancellationToken.None);

        Volatile.Write(ref used, 0);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(2_999, collection.Describe().IndexedRows);
        Assert.Equal(0, budget.ReservedBytes);
    }

    [Fact]
    public async Task Without_room_to_compact_a_build_covers_the_rows_as_they_are()
    {
        await using var folder = new EngineFolder();
        var used = 0L;
        folder.Engine = folder.Engine with { Memory = new MemoryBudget(64 * Mebibyte, () => Volatile.Read(ref used)) };
        var collection = await folder.CreateAsync(Options(IndexKind.Hnsw));
        var rows = Rows.Numbered(Rows.Vectors(3, 2_000, Dimensions));
        await collection.UpsertAllAsync(rows);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DeleteAsync([.. rows.Take(400).Select(row => row.Id)], CancellationToken.None);

        Volatile.Write(ref used, 64 * Mebibyte - 100_000);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(400, collection.Describe().DeadRows);
        Volatile.Write(ref used, 0);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal((0, 1_600), (collection.Describe().DeadRows, collection.Describe().IndexedRows));
    }

    [Theory]
    [InlineData(IndexKind.Hnsw, 3, 4)]
    [InlineData(IndexKind.Hnsw, 96, 16)]
    [InlineData(IndexKind.Hnsw, 100, 32)]
    [InlineData(IndexKind.Hnsw, 768, 16)]
    [InlineData(IndexKind.IvfFlat, 100, 16)]
    [InlineData(IndexKind.IvfSq8, 100, 16)]
    [InlineData(IndexKind.IvfSq8, 768, 16)]
    public async Task The_estimate_of_an_index_is_what_it_takes_and_a_little_more(
        IndexKind kind, int dimensions, int connectivity)
    {
        const int Count = 4_000;
        await using var folder = new EngineFolder();
        var options = new VectorCollectionOptions
        {
            Dimensions = dimensions,
            Metric = DistanceMetric.L2,
            Index = kind,
            Hnsw = new HnswOptions { Connectivity = connectivity, EfConstruction = 16 },
        };
        var collection = await folder.CreateAsync(options);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(4, Count, dimensions)));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        var index = collection.Describe().Index;
        Assert.Equal(kind, index.Kind);
        var estimate = MemoryNeeds.IndexBytes(kind, options, Count);
        Assert.InRange((double)estimate / (index.CodeBytes + index.LinkBytes), 0.97, 2);
    }

    private static VectorCollectionOptions Options(IndexKind index) => new()
    {
        Dimensions = Dimensions,
        Metric = DistanceMetric.L2,
        Index = index,
        Hnsw = new HnswOptions { EfConstruction = 32 },
    };
}
