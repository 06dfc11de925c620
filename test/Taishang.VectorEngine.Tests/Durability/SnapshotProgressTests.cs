namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>Who takes or restores a snapshot is told how far it is, and may end it in the middle.</summary>
public sealed class SnapshotProgressTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task Snapshots_and_restores_tell_a_share_that_rises_to_the_whole(int shards)
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, shards);
        var taken = new Shares();
        var restored = new Shares();

        await collection.SnapshotAsync(folder.Beside("snap"), "", taken, CancellationToken.None);
        await VectorCollection.RestoreAsync(
            folder.Beside("snap"), folder.Beside("copy"), folder.Engine, restored, CancellationToken.None);

        foreach (var shares in new[] { taken.Told, restored.Told })
        {
            Assert.True(shares.Count > 2, $"told {shares.Count} times");
            Assert.Equal(shares.Order(), shares);
            Assert.InRange(shares[0], 0.0001, 0.99);
            Assert.Equal(1, shares[^1]);
        }
    }

    [Fact]
    public async Task One_that_is_cancelled_in_the_middle_leaves_nothing()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder, 1);
        using var stop = new CancellationTokenSource();
        var first = new Shares(stop.Cancel);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => collection.SnapshotAsync(folder.Beside("snap"), "", first, stop.Token));

        Assert.Single(first.Told);
        Assert.False(Directory.Exists(folder.Beside("snap")));
        Assert.False(Directory.Exists(folder.Beside("snap") + SnapshotFolder.AsideSuffix));
        await collection.SnapshotAsync(folder.Beside("snap"), "", CancellationToken.None);
        using var again = new CancellationTokenSource();
        var second = new Shares(again.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => VectorCollection.RestoreAsync(
            folder.Beside("snap"), folder.Beside("copy"), folder.Engine, second, again.Token));
        Assert.Single(second.Told);
        Assert.False(Directory.Exists(folder.Beside("copy")));
        Assert.False(Directory.Exists(folder.Beside("copy") + SnapshotFolder.AsideSuffix));
    }

    private static async Task<IVectorCollection> FilledAsync(EngineFolder folder, int shards)
    {
        var collection = await folder.CreateAnyAsync(new VectorCollectionOptions { Dimensions = 16, Shards = shards });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(1, 1_500, 16)));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(2, 100, 16)));
        return collection;
    }

    private sealed class Shares(Action? onFirst = null) : IProgress<double>
    {
        public List<double> Told { get; } = [];

        public void Report(double value)
        {
            Told.Add(value);
            onFirst?.Invoke();
        }
    }
}
