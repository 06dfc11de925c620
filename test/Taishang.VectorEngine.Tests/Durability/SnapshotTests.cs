using System.Text;
using Taishang.VectorEngine.Storage;
using Taishang.VectorEngine.Tests.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

public sealed class SnapshotTests
{
    private const int Dimensions = 8;
    private const int RowCount = 1_200;

    private static readonly VectorCollectionOptions Options = new()
    {
        Dimensions = Dimensions,
        Metric = DistanceMetric.Cosine,
        TimeToLive = TimeSpan.FromDays(9),
        Hnsw = new HnswOptions { EfConstruction = 32 },
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_restored_snapshot_is_the_collection_with_ids_metadata_expiry_and_index(bool canLink)
    {
        await using var folder = new EngineFolder();
        if (!canLink)
            folder.Device = new UnmappableDevice();
        var collection = await FilledAsync(folder);
        var before = collection.Describe();
        var snapshot = await collection.SnapshotAsync(folder.Beside("snap"), "a note", CancellationToken.None);
        Assert.Equal((before.LiveRows, "a note", Options), (snapshot.LiveRows, snapshot.Note, snapshot.Options));
        Assert.Equal(snapshot, VectorCollection.ReadSnapshot(folder.Beside("snap")));

        // What happens to the original afterwards is not the snapshot's.
        await collection.UpsertAsync([Rows.Row("later", Ones())], CancellationToken.None);
        await collection.DeleteAsync([.. Ids(700, 900)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await RestoreAsync(folder, "copy");
        await using var copy = await OpenAsync(folder, "copy");
        var after = copy.Describe();
        Assert.Equal(
            (before.LiveRows, before.IndexedRows, before.Options), (after.LiveRows, after.IndexedRows, after.Options));
        Assert.Empty(after.RecoveryNotes);
        Assert.Empty(copy.Get([new VectorId("later")]));
        var kept = copy.Get([.. Ids(700, 900)]);
        Assert.Equal(
            Enumerable.Range(700, 200).Select(i => $"{{\"n\":{i}}}"),
            kept.Select(row => Encoding.UTF8.GetString(row.MetadataJson.Span)));
        var number = Assert.Single(copy.Get([VectorId.FromInteger(77)]));
        Assert.True(number.Id.IsInteger);
        Assert.Equal(Expiry, number.ExpiresAt);

        // A copy is a collection like any other, and the snapshot stays what it was.
        await copy.UpsertAsync([Rows.Row("mine", Ones())], CancellationToken.None);
        await copy.DeleteAsync([.. Ids(600, 1_000)], CancellationToken.None);
        await copy.BuildIndexAsync(null, CancellationToken.None);
        await RestoreAsync(folder, "again");
        await using var again = await OpenAsync(folder, "again");
        Assert.Equal(before.LiveRows, again.Count());
    }

    [Fact]
    public async Task Each_snapshot_is_one_commit_while_writes_and_builds_go_on()
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 400 };
        var collection = await folder.CreateAsync(Options);
        using var stop = new CancellationTokenSource();
        // Commit n writes row n, replaces the row "last" by n and deletes row n - 300.
        var writer = Task.Run(async () =>
        {
            var n = 0;
            for (; !stop.IsCancellationRequested; n++)
            {
                await collection.UpsertAsync(
                    [Rows.Row($"r{n}", Ones()), Rows.Row("last", Ones(), $"{{\"n\":{n}}}")], CancellationToken.None);
                if (n >= 300)
                    await collection.DeleteAsync([new VectorId($"r{n - 300}")], CancellationToken.None);
                if (n % 500 == 499)
                    await collection.BuildIndexAsync(null, CancellationToken.None);
            }

            return n;
        });
        try
        {
            for (var i = 0; i < 8; i++)
            {
                await UntilAsync(() => collection.Count() > i * 30);
                await collection.SnapshotAsync(folder.Beside($"snap{i}"), "", CancellationToken.None);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await writer;
        }

        for (var i = 0; i < 8; i++)
        {
            await VectorCollection.RestoreAsync(
                folder.Beside($"snap{i}"), folder.Beside($"copy{i}"), folder.Engine, CancellationToken.None);
            await using var copy = await OpenAsync(folder, $"copy{i}");
            var last = LastOf(copy);
            // Either the upsert of the last commit alone, or its delete too.
            var expected = Math.Min(last + 1, 300) + 1;
            Assert.InRange(copy.Count(), expected, last >= 300 ? expected + 1 : expected);
            Assert.NotEmpty(copy.Get([new VectorId($"r{last}")]));
            Assert.Empty(copy.Get([new VectorId($"r{last + 1}")]));
        }
    }

    [Fact]
    public async Task A_snapshot_of_several_shards_holds_whole_calls_alone_while_they_are_written()
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 200 };
        var options = Options with { Shards = 4 };
        await using (var collection = await VectorCollections.CreateAsync(
            folder.Path, options, folder.Engine, CancellationToken.None))
        {
            using var stop = new CancellationTokenSource();
            // Call n writes the same number into twelve rows, which lie in all shards.
            var writer = Task.Run(async () =>
            {
                for (var n = 0; !stop.IsCancellationRequested; n++)
                {
                    var rows = Enumerable.Range(0, 12).Select(i => Rows.Row($"k{i}", Ones(), $"{{\"n\":{n}}}"));
                    await collection.UpsertAsync([.. rows, Rows.Row($"r{n}", Ones())], CancellationToken.None);
                    if (n % 200 == 199)
                        await collection.BuildIndexAsync(null, CancellationToken.None);
                }
            });
            try
            {
                for (var i = 0; i < 6; i++)
                {
                    await UntilAsync(() => collection.Count() > 12 + i * 60);
                    await collection.SnapshotAsync(folder.Beside($"snap{i}"), "", CancellationToken.None);
                }
            }
            finally
            {
                await stop.CancelAsync();
                await writer;
            }
        }

        for (var i = 0; i < 6; i++)
        {
            var restored = await VectorCollection.RestoreAsync(
                folder.Beside($"snap{i}"), folder.Beside($"copy{i}"), folder.Engine, CancellationToken.None);
            await using var copy = await VectorCollections.OpenAsync(
                folder.Beside($"copy{i}"), folder.Engine, CancellationToken.None);
            Assert.Equal((options, copy.Count()), (copy.Describe().Options, restored.LiveRows));
            var numbers = copy.Get([.. Enumerable.Range(0, 12).Select(key => new VectorId($"k{key}"))])
                .Select(row => Encoding.UTF8.GetString(row.MetadataJson.Span)).ToArray();
            Assert.Equal(12, numbers.Length);
            Assert.Single(numbers.Distinct());
            // Rows 0 to n, and the twelve.
            Assert.Equal($"{{\"n\":{copy.Count() - 13}}}", numbers[0]);
            await copy.UpsertAsync(
                [.. Enumerable.Range(0, 20).Select(key => Rows.Row($"new{key}", Ones()))], CancellationToken.None);
            Assert.Equal(restored.LiveRows + 20, copy.Count());
        }
    }

    [Fact]
    public async Task Damage_of_any_file_of_a_snapshot_is_named_and_nothing_is_restored()
    {
        await using var folder = new EngineFolder();
        folder.Device = new UnmappableDevice();
        var collection = await FilledAsync(folder);
        var snap = folder.Beside("snap");
        await collection.SnapshotAsync(snap, "", CancellationToken.None);
        var random = new Random(5);
        foreach (var path in Directory.GetFiles(snap))
        {
            var sound = await File.ReadAllBytesAsync(path);
            foreach (var damage in (Func<byte[], byte[]?>[])
                [b => Flip(b, random.Next(b.Length)), b => Flip(b, 8), b => b[..^1], b => [.. b, 0], _ => null])
            {
                // Bytes behind the end of the list say nothing.
                var isList = Path.GetFileName(path) == VectorEngine.Segments.SnapshotFile.FileName;
                var damaged = damage([.. sound]);
                if (isList && damaged?.Length > sound.Length)
                    continue;
                if (damaged is not null)
                    await File.WriteAllBytesAsync(path, damaged);
                else
                    File.Delete(path);
                var refused = await Assert.ThrowsAnyAsync<Exception>(() => RestoreAsync(folder, "copy"));
                Assert.True(refused is CorruptDataException or FileNotFoundException, refused.ToString());
                Assert.Contains(Path.GetFileName(path), refused.Message, StringComparison.Ordinal);
                Assert.False(Directory.Exists(folder.Beside("copy")));
                Assert.False(Directory.Exists(folder.Beside("copy" + SnapshotFolder.AsideSuffix)));
                await File.WriteAllBytesAsync(path, sound);
            }
        }

        await RestoreAsync(folder, "copy");
    }

    [Theory]
    [InlineData(Fault.Write)]
    [InlineData(Fault.ShortWrite)]
    [InlineData(Fault.Sync)]
    public async Task A_fault_at_any_step_leaves_a_whole_snapshot_or_none_and_the_collection_as_it_was(Fault fault)
    {
        await using var folder = new EngineFolder();
        var device = new FaultyDevice();
        folder.Device = device;
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true };
        var collection = await FilledAsync(folder);
        var rows = collection.Count();
        for (var step = 0; ; step++)
        {
            device.FailAt(step, fault);
            var snap = folder.Beside($"snap{step}");
            var isTaken = await SucceedsAsync(() => collection.SnapshotAsync(snap, "", CancellationToken.None));
            var isRestored = isTaken && await SucceedsAsync(() => VectorCollection.RestoreAsync(
                snap, folder.Beside($"copy{step}"), folder.Engine, device, CancellationToken.None));
            var hasFailed = device.HasFailed;
            device.Heal();
            Assert.Equal(rows, collection.Count());
            await collection.UpsertAsync([Rows.Row("same", Ones())], CancellationToken.None);
            await collection.DeleteAsync([new VectorId("same")], CancellationToken.None);
            if (Directory.Exists(folder.Beside($"copy{step}")))
            {
                await using var copy = await OpenAsync(folder, $"copy{step}");
                Assert.Equal(rows, copy.Count());
            }

            if (hasFailed)
                continue;

            Assert.True(isTaken && isRestored);
            Assert.True(step > 15, $"only {step} steps");
            return;
        }
    }

    [Fact]
    public async Task What_a_killed_process_left_aside_is_in_nobodys_way()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder);
        foreach (var name in (string[])["snap", "copy"])
        {
            var aside = Directory.CreateDirectory(folder.Beside(name) + SnapshotFolder.AsideSuffix).FullName;
            await File.WriteAllTextAsync(Path.Combine(aside, "manifest"), "half of something");
        }

        await collection.SnapshotAsync(folder.Beside("snap"), "", CancellationToken.None);
        await RestoreAsync(folder, "copy");
        await Assert.ThrowsAsync<InvalidOperationException>(
            () => collection.SnapshotAsync(folder.Beside("snap"), "", CancellationToken.None));
        await Assert.ThrowsAsync<InvalidOperationException>(() => RestoreAsync(folder, "copy"));
        await Assert.ThrowsAsync<FileNotFoundException>(() => VectorCollection.RestoreAsync(
            folder.Beside("nowhere"), folder.Beside("other"), folder.Engine, CancellationToken.None));
    }

    [Fact]
    public async Task A_list_that_leads_out_of_its_folder_is_refused()
    {
        await using var folder = new EngineFolder();
        var collection = await FilledAsync(folder);
        var snap = folder.Beside("snap");
        await collection.SnapshotAsync(snap, "", CancellationToken.None);
        foreach (var name in (string[])
            ["../collection/manifest", "/etc/passwd", "", "snapshot", "a.b", "a/b/c", "a//b", "a/"])
        {
            var list = VectorEngine.Segments.SnapshotFile.Load(DiskDevice.Instance, snap);
            var evil = list with { Entries = [.. list.Entries, new(name, 1, "00")] };
            evil.Save(DiskDevice.Instance, Directory.CreateDirectory(folder.Beside("evil")).FullName);
            var refused = await Assert.ThrowsAsync<CorruptDataException>(() => VectorCollection.RestoreAsync(
                folder.Beside("evil"), folder.Beside("copy"), folder.Engine, CancellationToken.None));
            Assert.Contains("no file of a collection", refused.Message, StringComparison.Ordinal);
        }
    }

    private static readonly DateTimeOffset Expiry = new(2999, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static IEnumerable<VectorId> Ids(int from, int to) =>
        Enumerable.Range(from, to - from).Select(i => new VectorId($"r{i:D6}"));

    private static float[] Ones() => [.. Enumerable.Repeat(1f, Dimensions)];

    /// <summary>Sealed rows under an index, some of them dead, and rows in the log alone.</summary>
    private static async Task<VectorCollection> FilledAsync(EngineFolder folder)
    {
        var collection = await folder.CreateAsync(Options);
        var rows = Rows.Numbered(Rows.Vectors(4, RowCount, Dimensions), i => $"{{\"n\":{i}}}");
        await collection.UpsertAllAsync(rows.GetRange(0, 1_000));
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.DeleteAsync([.. Ids(0, 30)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAllAsync(rows.GetRange(1_000, 200));
        await collection.DeleteAsync([.. Ids(30, 60)], CancellationToken.None);
        var number = new VectorRow(VectorId.FromInteger(77), Ones(), default, Expiry);
        await collection.UpsertAsync([number], CancellationToken.None);
        return collection;
    }

    private static Task RestoreAsync(EngineFolder folder, string name) => VectorCollection.RestoreAsync(
        folder.Beside("snap"), folder.Beside(name), folder.Engine, folder.Device, CancellationToken.None);

    private static Task<VectorCollection> OpenAsync(EngineFolder folder, string name) =>
        VectorCollection.OpenAsync(folder.Beside(name), folder.Engine, CancellationToken.None);

    private static int LastOf(VectorCollection collection)
    {
        var row = Assert.Single(collection.Get([new VectorId("last")]));
        return System.Text.Json.JsonDocument.Parse(row.MetadataJson).RootElement.GetProperty("n").GetInt32();
    }

    private static byte[] Flip(byte[] bytes, int at)
    {
        bytes[at] ^= 1;
        return bytes;
    }

    private static async Task<bool> SucceedsAsync(Func<Task> action)
    {
        try
        {
            await action();
            return true;
        }
        catch (WriteFailedException)
        {
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Yield();
    }
}
