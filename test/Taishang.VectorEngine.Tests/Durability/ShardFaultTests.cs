using Taishang.VectorEngine.Log;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>A call over several shards is whole or not there, whatever fails at whichever step of it.</summary>
public sealed class ShardFaultTests
{
    private const int Dimensions = 4;
    private const int StepsMax = 60;

    private static readonly VectorEngineOptions Engine = new() { BuildThreads = 1 };

    [Theory]
    [InlineData(Fault.Write)]
    [InlineData(Fault.ShortWrite)]
    [InlineData(Fault.Sync)]
    [InlineData(Fault.Gone)]
    public async Task A_call_that_fails_at_any_step_is_there_wholly_or_not_at_all(Fault fault)
    {
        var failures = 0;
        for (var step = 0; step < StepsMax; step++)
        {
            using var world = new World();
            var collection = await world.CreateAsync();
            await WriteAsync(collection, "first", 12);
            world.Device.FailAt(step, fault);
            var failed = await FailsAsync(() => WriteAsync(collection, "second", 12));
            var hasFailed = world.Device.HasFailed;
            world.Device.FailAt(int.MaxValue, fault);
            if (fault == Fault.Gone)
                world.Device.FailAt(0, fault);

            await using (var crashed = await world.OpenCopyAsync("crashed"))
            {
                Assert.Equal(12, CountOf(crashed, "first"));
                var second = CountOf(crashed, "second");
                Assert.True(second is 0 or 12, $"step {step}: {second} of 12 rows");
                Assert.True(failed || second == 12, $"step {step}: acknowledged and lost");
                await WriteAsync(crashed, "third", 12);
                await WriteAsync(crashed, "fourth", 1);
                Assert.Equal(13, CountOf(crashed, "third") + CountOf(crashed, "fourth"));
            }

            await using (var again = await world.OpenAsync("crashed"))
                Assert.Equal(13, CountOf(again, "third") + CountOf(again, "fourth"));

            if (fault != Fault.Gone)
                await GoesOnAsync(world, collection, failed);
            world.Device.Heal();
            await collection.DisposeAsync();
            failures += failed ? 1 : 0;
            if (!hasFailed)
                break;
        }

        Assert.True(failures > 5, $"only {failures} steps failed");
    }

    [Fact]
    public async Task A_part_whose_records_did_not_reach_the_disk_swallows_nothing_that_is_written_after_it()
    {
        using var world = new World();
        await using (var collection = await world.CreateAsync())
            await WriteAsync(collection, "first", 12);
        var shard = ShardManifest.FolderOf(world.Path, 0);
        var log = Directory.EnumerateFiles(shard, "log-*").Order().Last();
        // The mark of a call stands at the log's end, as after a power cut between it and its records.
        using (var mark = LogRecord.Part(99, 3))
        {
            var file = WriteAheadLog.Resume(
                DiskDevice.Instance, shard, sync: true, 1, new FileInfo(log).Length);
            file.Append(mark);
            file.Sync();
            file.Dispose();
        }

        await using (var collection = await world.OpenAsync())
        {
            for (var i = 0; i < 12; i++)
                await WriteAsync(collection, $"single{i}-", 1);
            await WriteAsync(collection, "second", 30);
        }

        await using (var collection = await world.OpenAsync())
            Assert.Equal(12 + 30 + 12, collection.Count());
        var error = await Assert.ThrowsAsync<InvalidOperationException>(
            () => VectorCollection.OpenAsync(shard, Engine, CancellationToken.None));
        Assert.Contains("is a shard", error.Message);
    }

    [Fact]
    public void The_log_of_commits_is_folded_and_remembers_what_never_counted()
    {
        using var world = new World();
        Directory.CreateDirectory(world.Path);
        var options = new VectorCollectionOptions { Dimensions = Dimensions, Shards = 2 };
        using (var commits = ShardCommits.Create(world.Device, world.Path, sync: false, options))
        {
            for (var i = 1; i <= 100_000; i++)
            {
                var number = commits.Begin();
                Assert.Equal(i, number);
                if (i != 500 && i != 99_999)
                    commits.Commit(number);
            }
        }

        using var again = ShardCommits.Open(world.Device, world.Path, sync: false, CancellationToken.None);
        long[] never = [500, 99_999, 100_001];
        Assert.All(never, number => Assert.False(again.IsWhole(number)));
        Assert.All([1L, 499, 501, 50_000, 99_998, 100_000], number => Assert.True(again.IsWhole(number)));
        again.Skip(100_007);
        Assert.Equal(100_008, again.Begin());
        again.Commit(100_008);
        Assert.False(again.IsWhole(100_007));
        Assert.Single(Directory.EnumerateFiles(world.Path, "log-*"));
    }

    /// <summary>What lived through the failure goes on, and what it says stands after a restart.</summary>
    private static async Task GoesOnAsync(World world, IVectorCollection collection, bool failed)
    {
        Assert.Equal(failed ? 0 : 12, CountOf(collection, "second"));
        await WriteAsync(collection, "third", 12);
        await WriteAsync(collection, "fourth", 1);
        await using var copy = await world.OpenCopyAsync("gone-on");
        Assert.Equal(failed ? 0 : 12, CountOf(copy, "second"));
        Assert.Equal(25, CountOf(copy, "first") + CountOf(copy, "third") + CountOf(copy, "fourth"));
    }

    private static int CountOf(IVectorCollection collection, string name) =>
        collection.Scroll(new ScrollRequest(1000)).Rows
            .Count(row => row.Id.Text.StartsWith(name, StringComparison.Ordinal));

    private static Task WriteAsync(IVectorCollection collection, string name, int rows) => collection.UpsertAsync(
        [.. Enumerable.Range(0, rows).Select(i => Rows.Row($"{name}{i}", [i, 1, 2, 3]))], CancellationToken.None);

    private static async Task<bool> FailsAsync(Func<Task> write)
    {
        try
        {
            await write();
            return false;
        }
        catch (WriteFailedException)
        {
            return true;
        }
    }

    private sealed class World : IDisposable
    {
        private readonly string _root = Directory.CreateTempSubdirectory("taishang-shards-").FullName;

        public FaultyDevice Device { get; } = new();

        public string Path => System.IO.Path.Combine(_root, "collection");

        public Task<IVectorCollection> CreateAsync() => VectorCollections.CreateAsync(
            Path,
            new VectorCollectionOptions { Dimensions = Dimensions, Index = IndexKind.Flat, Shards = 3 },
            Engine, Device, CancellationToken.None);

        public Task<IVectorCollection> OpenAsync(string name = "collection") => VectorCollections.OpenAsync(
            System.IO.Path.Combine(_root, name), Engine, CancellationToken.None);

        /// <summary>Opens what lies on the disk now, as another process would after this one's end.</summary>
        public Task<IVectorCollection> OpenCopyAsync(string name)
        {
            foreach (var file in Directory.EnumerateFiles(Path, "*", SearchOption.AllDirectories))
            {
                if (System.IO.Path.GetFileName(file) == "lock")
                    continue;

                var copy = System.IO.Path.Combine(_root, name, System.IO.Path.GetRelativePath(Path, file));
                Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }

            return OpenAsync(name);
        }

        public void Dispose() => Directory.Delete(_root, recursive: true);
    }
}
