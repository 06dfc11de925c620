namespace Taishang.VectorEngine.Tests.Durability;

public sealed class FaultTests
{
    private static readonly VectorCollectionOptions Options = new() { Dimensions = 4, Metric = DistanceMetric.L2 };

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("TAISHANG_LONG_TESTS") == "1";

    public static TheoryData<IndexKind> Kinds => [.. Enum.GetValues<IndexKind>()];

    public static TheoryData<Fault> Faults => [.. Enum.GetValues<Fault>().Where(fault => fault != Fault.Gone)];

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_failed_write_says_so_leaves_nothing_and_the_next_one_succeeds(Fault fault)
    {
        for (var step = 0; step < 2; step++)
        {
            await using var folder = new EngineFolder();
            var device = new FaultyDevice();
            folder.Device = device;
            folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true };
            var collection = await folder.CreateAsync(Options);
            await collection.UpsertAsync([Row(1, 1)], CancellationToken.None);

            device.FailAt(step, fault);
            if (await FailsAsync(() => collection.UpsertAsync([Row(1, 9), Row(2, 2)], CancellationToken.None)))
            {
                CheckHolds(collection, (1, 1));
                Assert.Equal([1f, 1, 1, 1], collection.Get([new VectorId("1")]).Single().Vector.ToArray());
            }

            device.Heal();
            await collection.UpsertAsync([Row(2, 3)], CancellationToken.None);
            await collection.UpsertAsync([Row(1, 5)], CancellationToken.None);
            CheckHolds(collection, (1, 5), (2, 3));
            CheckHolds(await folder.ReopenAsync(), (1, 5), (2, 3));
        }
    }

    [Fact]
    public async Task A_full_disk_stops_writes_alone_and_they_resume_when_there_is_room()
    {
        await using var folder = new EngineFolder();
        var device = new FaultyDevice();
        folder.Device = device;
        var collection = await folder.CreateAsync(Options);
        await collection.UpsertAsync([Row(1, 1), Row(2, 2)], CancellationToken.None);
        device.FailAt(0, Fault.Full);
        for (var i = 0; i < 20; i++)
        {
            var refused = await Assert.ThrowsAsync<WriteFailedException>(
                () => collection.UpsertAsync([Row(3 + i, 3)], CancellationToken.None));
            Assert.Contains("disk", refused.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<WriteFailedException>(
                () => collection.BuildIndexAsync(null, CancellationToken.None));
            CheckHolds(collection, (1, 1), (2, 2));
        }

        device.Heal();
        Assert.Equal(1, await collection.DeleteAsync([new VectorId("2")], CancellationToken.None));
        await collection.UpsertAsync([Row(3, 3)], CancellationToken.None);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        CheckHolds(collection, (1, 1), (3, 3));
        CheckHolds(await folder.ReopenAsync(), (1, 1), (3, 3));
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_at_any_step_of_a_seal_a_build_or_a_compaction_loses_nothing(Fault fault)
    {
        // The steps of one whole run are counted first; then each of them fails once.
        for (var step = 0; ; step++)
        {
            await using var folder = new EngineFolder();
            var device = new FaultyDevice();
            folder.Device = device;
            folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true };
            var collection = await folder.CreateAsync(Options);
            var expected = new Dictionary<int, float>();
            device.FailAt(step, fault);
            await WorkAsync(collection, expected);
            var everFailed = device.HasFailed;
            CheckHolds(collection, [.. expected.Select(pair => (pair.Key, pair.Value))]);
            device.Heal();
            CheckHolds(await folder.ReopenAsync(), [.. expected.Select(pair => (pair.Key, pair.Value))]);
            await folder.Collection!.BuildIndexAsync(null, CancellationToken.None);
            await folder.Collection.UpsertAsync([Row(1000, 7)], CancellationToken.None);
            expected[1000] = 7;
            CheckHolds(await folder.ReopenAsync(), [.. expected.Select(pair => (pair.Key, pair.Value))]);
            Assert.Empty(folder.Collection!.Describe().RecoveryNotes);
            if (!everFailed)
            {
                Assert.True(step > 20, $"only {step} steps");
                return;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_process_that_ends_at_any_step_loses_nothing_it_acknowledged(IndexKind kind)
    {
        for (var step = 0; ; step += IsLong ? 1 : 11)
        {
            await using var folder = new EngineFolder();
            var device = new FaultyDevice();
            folder.Device = device;
            folder.Engine = folder.Engine with
            {
                SyncBeforeAcknowledge = true,
                SealAfterRows = 12,
                SaveGraphAfterRows = 8,
            };
            var options = StorageForms.Options(kind, 1, CompressionKind.None, RerankKind.Float32);
            var collection = await folder.CreateAsync(options);
            var world = new WriteWorld(options);
            device.FailAt(step, Fault.Gone);
            await world.PlayAsync(collection, new Random(11), operations: 60);
            await collection.DisposeAsync();
            var isOver = !device.HasFailed;
            device.Heal();
            collection = await folder.ReopenAsync();
            world.Settle(collection, $"gone at step {step}");
            await world.PlayAsync(collection, new Random(12), operations: 10);
            world.Check(await folder.ReopenAsync(), $"after step {step}");
            if (isOver)
            {
                Assert.True(step > 100, $"only {step} steps");
                return;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task A_fault_while_a_collection_is_made_leaves_room_to_make_it_again(Fault fault)
    {
        for (var step = 0; ; step++)
        {
            await using var folder = new EngineFolder();
            var device = new FaultyDevice();
            folder.Device = device;
            device.FailAt(step, fault);
            var isMade = !await FailsAsync(() => folder.CreateAsync(Options));
            var hasFailed = device.HasFailed;
            device.Heal();
            if (!isMade && !await ExistsAsync(folder))
                await folder.CreateAsync(Options);
            var collection = await folder.ReopenAsync();
            await collection.UpsertAsync([Row(1, 1)], CancellationToken.None);
            CheckHolds(await folder.ReopenAsync(), (1, 1));
            if (!hasFailed)
                return;
        }
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task Options_that_the_disk_refused_are_not_in_force(Fault fault)
    {
        for (var step = 0; ; step++)
        {
            await using var folder = new EngineFolder();
            var device = new FaultyDevice();
            folder.Device = device;
            var collection = await folder.CreateAsync(Options);
            await collection.UpsertAsync([Row(1, 1)], CancellationToken.None);
            device.FailAt(step, fault);
            var isRefused = await FailsAsync(() => collection.ReconfigureAsync(99, null, null, CancellationToken.None));
            Assert.Equal(isRefused ? Options.Hnsw.EfSearch : 99, collection.Describe().Options.Hnsw.EfSearch);
            var hasFailed = device.HasFailed;
            device.Heal();
            await collection.ReconfigureAsync(98, null, null, CancellationToken.None);
            collection = await folder.ReopenAsync();
            Assert.Equal(98, collection.Describe().Options.Hnsw.EfSearch);
            CheckHolds(collection, (1, 1));
            if (!hasFailed)
                return;
        }
    }

    /// <summary>The manifest may have got its name though the folder could not be synced: then it is made.</summary>
    private static async Task<bool> ExistsAsync(EngineFolder folder)
    {
        try
        {
            await (await folder.ReopenAsync()).DisposeAsync();
            return true;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    /// <summary>Writes, builds, deletes, compacts; notes in the dictionary what was acknowledged. A write whose fate
    /// is unknown to its caller must have left nothing.</summary>
    private static async Task WorkAsync(VectorCollection collection, Dictionary<int, float> expected)
    {
        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 4; i++)
            {
                var id = round * 4 + i;
                if (!await FailsAsync(() => collection.UpsertAsync([Row(id, id), Row(0, id)], CancellationToken.None)))
                {
                    expected[id] = id;
                    expected[0] = id;
                }
            }

            await FailsAsync(() => collection.BuildIndexAsync(null, CancellationToken.None));
            var gone = round * 4 + 1;
            if (!await FailsAsync(() => collection.DeleteAsync([new VectorId($"{gone}")], CancellationToken.None)))
                expected.Remove(gone);
        }
    }

    private static async Task<bool> FailsAsync(Func<Task> action)
    {
        try
        {
            await action();
            return false;
        }
        catch (WriteFailedException)
        {
            return true;
        }
    }

    private static VectorRow Row(int id, float value) => Rows.Row($"{id}", [value, value, value, value]);

    private static void CheckHolds(VectorCollection collection, params (int Id, float Value)[] rows)
    {
        var hits = collection.Search(new SearchRequest(new float[4], 1000) { IncludeVector = true }).Hits;
        Assert.Equal(
            rows.OrderBy(row => row.Id).Select(row => (row.Id, row.Value)),
            hits.Select(hit => (Id: int.Parse(hit.Id.Text), hit.Vector.Span[0])).OrderBy(row => row.Id));
        Assert.Equal(rows.Length, collection.Count());
    }
}
