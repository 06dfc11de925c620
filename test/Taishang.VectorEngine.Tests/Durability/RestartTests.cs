using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>What a start has to do is bounded by options, not by how much was ever written.</summary>
public sealed class RestartTests
{
    private const int Dimensions = 6;
    private const int SealAfterRows = 300;
    private const int RowsPerCall = 100;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task A_start_replays_no_more_rows_than_are_kept_back_from_a_seal()
    {
        await using var folder = new EngineFolder();
        var disk = new SealSignal();
        folder.Device = disk;
        folder.Engine = folder.Engine with { SealAfterRows = SealAfterRows };
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
        });
        var rows = Rows.Numbered(Rows.Vectors(1, 4000, Dimensions));
        for (var start = 0; start < rows.Count; start += RowsPerCall)
            await collection.UpsertAsync(rows.GetRange(start, RowsPerCall), CancellationToken.None);

        await disk.WhenAsync(() => rows.Count - Sealed(folder) < SealAfterRows).WaitAsync(Patience);
        await collection.DisposeAsync();

        var manifest = Manifest.Load(DiskDevice.Instance, folder.Path);
        var replayed = 0;
        new LogRecovery(DiskDevice.Instance, folder.Path).Replay(
            manifest.FirstLog,
            payload => replayed += LogRecord.Read(payload, Dimensions).Count,
            CancellationToken.None);
        Assert.Equal(rows.Count - manifest.SealedRows(), replayed);
        Assert.True(replayed < SealAfterRows, $"{replayed} rows are replayed");
        Assert.Equal(4000, (await folder.ReopenAsync()).Count());
    }

    private static int Sealed(EngineFolder folder) => Manifest.Load(DiskDevice.Instance, folder.Path).SealedRows();

    /// <summary>Looks again whenever a manifest has got its name.</summary>
    private sealed class SealSignal : WrappedDevice
    {
        private readonly SemaphoreSlim _sealed = new(0);

        public async Task WhenAsync(Func<bool> holds)
        {
            while (!holds())
                await _sealed.WaitAsync();
        }

        protected override void BeforeSync(string path)
        {
            // The folder is synced behind each rename.
            if (!path.Contains("log-", StringComparison.Ordinal))
                _sealed.Release();
        }
    }
}
