using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>Maintenance that finds no room is not tried again at every write.</summary>
public sealed class MaintenancePauseTests
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task Failed_maintenance_pauses_for_longer_each_time_and_goes_on_by_itself()
    {
        await using var folder = new EngineFolder();
        var disk = new FullForSegments();
        var clock = new Clock();
        folder.Device = disk;
        folder.Engine = folder.Engine with
        {
            Time = clock,
            SealAfterRows = 50,
            MaintenancePause = Pause,
            MaintenancePauseMax = Pause * 2,
        };
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = 4, Metric = DistanceMetric.L2, Index = IndexKind.Flat });

        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(1, 60, 4)));
        await clock.PausedAsync();
        for (var i = 0; i < 200; i++)
            await collection.UpsertAsync([Rows.Row($"more{i}", new float[4])], CancellationToken.None);
        Assert.Equal(1, disk.Refused);

        clock.Advance(Pause);
        await clock.PausedAsync();
        clock.Advance(Pause);
        await collection.UpsertAsync([Rows.Row("between", new float[4])], CancellationToken.None);
        Assert.Equal(2, disk.Refused);
        clock.Advance(Pause);
        await clock.PausedAsync();
        Assert.Equal(3, disk.Refused);

        // There is room again; nobody writes.
        disk.IsFull = false;
        clock.Advance(Pause * 2);
        await disk.Written;
        Assert.Equal(3, disk.Refused);
    }

    [Fact]
    public async Task A_build_that_is_asked_for_waits_for_no_pause_and_ends_it()
    {
        await using var folder = new EngineFolder();
        var disk = new FullForSegments();
        var clock = new Clock();
        folder.Device = disk;
        folder.Engine = folder.Engine with { Time = clock, SealAfterRows = 50, MaintenancePause = Pause };
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = 4, Metric = DistanceMetric.L2, Index = IndexKind.Flat });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(2, 60, 4)));
        await clock.PausedAsync();

        await Assert.ThrowsAsync<WriteFailedException>(() => collection.BuildIndexAsync(null, CancellationToken.None));
        Assert.Equal(2, disk.Refused);
        disk.IsFull = false;
        await collection.BuildIndexAsync(null, CancellationToken.None);
        disk.Forget();
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(3, 60, 4)));
        await disk.Written;
    }

    /// <summary>Tells when a pause has begun.</summary>
    private sealed class Clock : FakeTimeProvider
    {
        private readonly SemaphoreSlim _timers = new(0);

        public Task PausedAsync() => _timers.WaitAsync(TestContext.Current.CancellationToken);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            _timers.Release();
            return timer;
        }
    }

    /// <summary>Takes logs, but no segments.</summary>
    private sealed class FullForSegments : WrappedDevice
    {
        private TaskCompletionSource _written = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _refused;

        public volatile bool IsFull = true;

        public int Refused => Volatile.Read(ref _refused);

        /// <summary>Completes when a segment could be begun.</summary>
        public Task Written => _written.Task;

        public void Forget() => _written = new(TaskCreationOptions.RunContinuationsAsynchronously);

        protected override void BeforeCreate(string path)
        {
            if (!Path.GetFileName(path).StartsWith("segment-", StringComparison.Ordinal))
                return;

            if (!IsFull)
            {
                _written.TrySetResult();
                return;
            }

            Interlocked.Increment(ref _refused);
            throw new IOException("No space left on device");
        }
    }
}
