using Taishang.VectorEngine.Memory;
using Taishang.VectorEngine.Segments;
using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>A long compaction that was cut off goes on from what it had finished, as far as that is good still.
/// </summary>
public sealed class CompactionResumeTests
{
    private const int Dimensions = 16;
    private const int RowCount = 3000;

    /// <summary>Every fifth row goes: five parts of at most 500 rows are left, the last one of 400.</summary>
    private const int LivingRows = 2400;

    private const int PartRows = 500;

    private static readonly float[][] Vectors = Rows.Clustered(1, RowCount + 40, Dimensions, 30);

    /// <summary>Where it is cut, and how many files the rest of it makes: parts, then saves of the graph, which come at
    /// 500, 1,000, 1,500, 2,250 and 2,400 rows.</summary>
    [Theory]
    [InlineData("segment-", 1, true, 5, 5)]
    [InlineData("segment-", 4, true, 2, 5)]
    [InlineData("segment-", 4, false, 2, 5)]
    [InlineData("graph-", 1, true, 0, 5)]
    [InlineData("graph-", 4, true, 0, 2)]
    [InlineData("graph-", 4, false, 0, 2)]
    [InlineData("graph-", 5, true, 0, 1)]
    public async Task A_compaction_that_was_cut_off_goes_on_from_what_it_had_finished(
        string prefix, int number, bool isRestarted, int segments, int graphs)
    {
        await using var folder = new EngineFolder();
        var disk = await CutOffAsync(folder, prefix, number);
        if (isRestarted)
            await folder.Collection!.DisposeAsync();
        disk.Heal();
        var collection = isRestarted ? await folder.ReopenAsync() : folder.Collection!;
        await collection.UpsertAsync([Late(1), Late(2)], CancellationToken.None);
        await collection.CompactAsync(null, CancellationToken.None);

        // One more of each where the late rows were sealed by a pass of their own.
        Assert.InRange(disk.Made("segment-"), segments, segments + 1);
        Assert.InRange(disk.Made("graph-"), graphs, graphs + 1);
        await CheckAsync(folder, late: 2);
    }

    [Fact]
    public async Task What_died_since_is_not_kept_by_a_compaction_that_goes_on()
    {
        await using var folder = new EngineFolder();
        var disk = await CutOffAsync(folder, "graph-", 3);
        await folder.Collection!.DisposeAsync();
        disk.Heal();
        var collection = await folder.ReopenAsync();
        await collection.DeleteAsync([new VectorId("r000001"), new VectorId("r002999")], CancellationToken.None);
        await collection.CompactAsync(null, CancellationToken.None);

        Assert.Equal((LivingRows - 2, 0), ((int)collection.Describe().LiveRows, (int)collection.Describe().DeadRows));
        await collection.DisposeAsync();
        foreach (var path in Directory.EnumerateFiles(folder.Path).Where(path => Path.GetFileName(path) != "lock"))
        {
            var content = await File.ReadAllBytesAsync(path);
            Assert.True(content.AsSpan().IndexOf("r000001"u8) < 0 && content.AsSpan().IndexOf("r002999"u8) < 0, path);
        }
    }

    [Theory]
    [InlineData("dead-", false, 5)]
    [InlineData("segment-", false, 5)]
    [InlineData("graph-", false, 0)]
    [InlineData("dead-", true, 5)]
    [InlineData("segment-", true, 5)]
    [InlineData("graph-", true, 0)]
    public async Task A_damaged_or_missing_part_of_it_is_made_again(string prefix, bool isMissing, int segments)
    {
        await using var folder = new EngineFolder();
        var disk = await CutOffAsync(folder, "graph-", 3);
        await folder.Collection!.DisposeAsync();
        disk.Heal();
        var begun = Manifest.Load(DiskDevice.Instance, folder.Path).Begun!;
        Assert.Equal(LivingRows, begun.Segments.Sum(segment => segment.Rows));
        var file = Path.Combine(
            folder.Path, begun.Files().Last(name => name.StartsWith(prefix, StringComparison.Ordinal)));
        if (isMissing)
        {
            File.Delete(file);
        }
        else
        {
            var content = await File.ReadAllBytesAsync(file);
            content[content.Length * 2 / 3] ^= 4;
            await File.WriteAllBytesAsync(file, content);
        }

        var collection = await folder.ReopenAsync();
        await collection.CompactAsync(null, CancellationToken.None);

        Assert.Equal(segments, disk.Made("segment-"));
        await CheckAsync(folder, late: 0);
    }

    [Fact]
    public async Task A_seal_before_it_can_go_on_gives_it_up()
    {
        const long MemoryBytes = 64 << 20;
        await using var folder = new EngineFolder();
        var used = 0L;
        folder.Engine = folder.Engine with { Memory = new MemoryBudget(MemoryBytes, () => Volatile.Read(ref used)) };
        var disk = await CutOffAsync(folder, "graph-", 3);
        Volatile.Write(ref used, MemoryBytes - 100_000);
        disk.Heal();
        var collection = folder.Collection!;
        await collection.UpsertAsync([Late(1), Late(2)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Assert.Equal(RowCount - LivingRows, collection.Describe().DeadRows);
        Assert.Null(Manifest.Load(DiskDevice.Instance, folder.Path).Begun);

        Volatile.Write(ref used, 0);
        collection = await folder.ReopenAsync();
        await collection.CompactAsync(null, CancellationToken.None);
        await CheckAsync(folder, late: 2);
    }

    [Fact]
    public async Task A_disk_that_refuses_it_gets_the_room_back()
    {
        await using var folder = new EngineFolder();
        var disk = await CutOffAsync(folder, "segment-", 4, isGone: false);

        Assert.Null(Manifest.Load(DiskDevice.Instance, folder.Path).Begun);
        Assert.Single(Directory.EnumerateFiles(folder.Path, "segment-*"));
        disk.Heal();
        await folder.Collection!.CompactAsync(null, CancellationToken.None);
        Assert.Equal(5, disk.Made("segment-"));
        await CheckAsync(folder, late: 0);
    }

    [Fact]
    public async Task A_snapshot_of_a_collection_whose_compaction_was_cut_off_is_whole()
    {
        await using var folder = new EngineFolder();
        var disk = await CutOffAsync(folder, "graph-", 3);
        await folder.Collection!.DisposeAsync();
        var begun = Manifest.Load(DiskDevice.Instance, folder.Path).Begun!;
        Assert.NotNull(begun);
        await using (var collection = await VectorCollection.OpenAsync(
            folder.Path, folder.Engine, disk, CancellationToken.None))
        {
            disk.Heal();
            await collection.SnapshotAsync(folder.Beside("snapshot"), "", CancellationToken.None);
        }

        await VectorCollection.RestoreAsync(
            folder.Beside("snapshot"), folder.Beside("restored"), folder.Engine, CancellationToken.None);
        await using var restored = await VectorCollection.OpenAsync(
            folder.Beside("restored"), folder.Engine, CancellationToken.None);
        Assert.Equal(LivingRows, restored.Count());
    }

    /// <summary>A collection whose compaction ended when it began its n-th file of a kind.</summary>
    private static async Task<CutOffDevice> CutOffAsync(
        EngineFolder folder, string prefix, int number, bool isGone = true)
    {
        var disk = new CutOffDevice();
        folder.Device = disk;
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = Dimensions,
            Metric = DistanceMetric.L2,
            Hnsw = new HnswOptions { EfConstruction = 40 },
        });
        await collection.UpsertAllAsync(Rows.Numbered(Vectors[..RowCount]));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DisposeAsync();
        folder.Engine = folder.Engine with { SealAfterRows = PartRows, SaveGraphAfterRows = PartRows };
        collection = await folder.ReopenAsync();
        await collection.DeleteAsync(
            [.. Enumerable.Range(0, RowCount / 5).Select(i => new VectorId($"r{i * 5:D6}"))], CancellationToken.None);
        disk.CutAt(prefix, number, isGone);
        await Assert.ThrowsAsync<WriteFailedException>(() => collection.CompactAsync(null, CancellationToken.None));
        return disk;
    }

    private static VectorRow Late(int number) => Rows.Row($"late{number}", Vectors[RowCount + number]);

    private static async Task CheckAsync(EngineFolder folder, int late)
    {
        for (var isReopened = false; ; isReopened = true)
        {
            var collection = folder.Collection!;
            Assert.Empty(collection.Describe().RecoveryNotes);
            Assert.Equal(
                (LivingRows + late, 0), ((int)collection.Describe().LiveRows, (int)collection.Describe().DeadRows));
            foreach (var i in Enumerable.Range(0, RowCount))
            {
                var row = collection.Get([new VectorId($"r{i:D6}")]).SingleOrDefault();
                Assert.Equal(i % 5 == 0, row is null);
                Assert.True(row is null || row.Vector.Span.SequenceEqual(Vectors[i]), $"row {i} has another vector");
            }

            Assert.True(Rows.Recall(collection, Vectors[^30..], 10, 64) > 0.95);
            if (isReopened)
                return;

            Assert.Null(Manifest.Load(DiskDevice.Instance, folder.Path).Begun);
            await folder.ReopenAsync();
        }
    }

    /// <summary>A disk that ends, or fails once, when the n-th file of a kind is begun; counts files from the next
    /// healing on.</summary>
    private sealed class CutOffDevice : WrappedDevice
    {
        private readonly Lock _lock = new();
        private readonly List<string> _made = [];
        private string _prefix = "";
        private int _left = int.MaxValue;
        private bool _endsThere;
        private bool _isGone;

        public void CutAt(string prefix, int number, bool isGone)
        {
            lock (_lock)
                (_prefix, _left, _endsThere) = (prefix, number, isGone);
        }

        public void Heal()
        {
            lock (_lock)
            {
                _made.Clear();
                (_isGone, _left) = (false, int.MaxValue);
            }
        }

        public int Made(string prefix)
        {
            lock (_lock)
                return _made.Count(name => name.StartsWith(prefix, StringComparison.Ordinal));
        }

        protected override void BeforeCreate(string path)
        {
            lock (_lock)
            {
                var name = Path.GetFileName(path);
                _made.Add(name);
                if (name.StartsWith(_prefix, StringComparison.Ordinal) && --_left == 0)
                {
                    _isGone = _endsThere;
                    throw new IOException("cut off");
                }

                ThrowIfGone();
            }
        }

        protected override int BeforeWrite(string path, long offset, int bytes)
        {
            ThrowIfGone();
            return bytes;
        }

        protected override void BeforeRename(string from, string to) => ThrowIfGone();

        protected override void BeforeDelete(string path) => ThrowIfGone();

        private void ThrowIfGone()
        {
            lock (_lock)
            {
                if (_isGone)
                    throw new IOException("gone");
            }
        }
    }
}
