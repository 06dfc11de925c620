using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Taishang.Ai.Indexes;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Indexes;

public sealed class PinTests : IDisposable
{
    private const int Dims = 16;
    private const int Rows = 200;

    private static readonly TimeSpan LongAgo = TimeSpan.FromHours(2);

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pinned_collection_stays_in_memory_over_restarts_until_it_is_released()
    {
        string pinned, quiet;
        await using (var first = await StartAsync())
        {
            pinned = await FilledAsync(first, isPinned: true);
            quiet = await FilledAsync(first);
            await QuietAsync(first);
            Assert.Equal([(Tier.Hot, true), (Tier.Cold, false)], await StateAsync(first, pinned, quiet));
        }

        // Whatever the budget: what is pinned is read at the start, before core speaks.
        await using (var second = await StartAsync(("HotBytesMax", "1")))
        {
            Assert.Equal([(Tier.Hot, true)], await StateAsync(second, pinned));
            Assert.Equal(CollectionState.Cold, StateOf(second, quiet));
            await QuietAsync(second);
            Assert.Equal([(Tier.Hot, true)], await StateAsync(second, pinned));

            await PinAsync(second, pinned, false);
            await QuietAsync(second);
            Assert.Equal([(Tier.Cold, false)], await StateAsync(second, pinned));
            // To be told that it may go cold does not load it.
            await PinAsync(second, pinned, false);
            Assert.Equal(CollectionState.Cold, StateOf(second, pinned));
        }

        await using var third = await StartAsync(("HotBytesMax", "1"));
        Assert.Equal(CollectionState.Cold, StateOf(third, pinned));
        Assert.Equal(Rows, await third.CountAsync(pinned));
    }

    [Fact]
    public async Task Pinning_loads_a_cold_collection_and_keeps_its_other_settings()
    {
        await using var worker = await StartAsync();
        var id = await FilledAsync(worker);
        await worker.Client.UpdateCollectionAsync(
            new UpdateCollectionRequest { CollectionId = id, EfSearch = 77, TtlSeconds = 3600 });
        await QuietAsync(worker);
        Assert.Equal([(Tier.Cold, false)], await StateAsync(worker, id));
        await PinAsync(worker, id, true);
        Assert.Equal([(Tier.Hot, true)], await StateAsync(worker, id));
        var spec = (await DescribeAsync(worker, id)).Spec;
        Assert.Equal((77, 3600L), (spec.EfSearch, spec.TtlSeconds));

        // An update that does not speak of it leaves it pinned.
        await worker.Client.UpdateCollectionAsync(
            new UpdateCollectionRequest { CollectionId = id, EfSearch = 78 });
        await QuietAsync(worker);
        Assert.Equal([(Tier.Hot, true)], await StateAsync(worker, id));
    }

    [Fact]
    public async Task Pinning_more_than_the_budget_holds_is_refused_and_changes_nothing()
    {
        string one, two;
        long hot;
        await using (var first = await StartAsync())
        {
            one = await FilledAsync(first);
            two = await FilledAsync(first);
            hot = (await DescribeAsync(first, one)).MemoryBytes;
        }

        var budget = hot * 3 / 2;
        await using (var worker = await StartAsync(("HotBytesMax", $"{budget}")))
        {
            await PinAsync(worker, one, true);
            var refusal = await Refusal.ExpectAsync(
                ErrorCode.PinBudget, "pinned", async () => await worker.Client.UpdateCollectionAsync(
                    new UpdateCollectionRequest { CollectionId = two, Pinned = true, EfSearch = 99 }));
            Assert.Contains($"1 pinned ones take {hot} of the {budget}", refusal.Status.Detail);
            Assert.Equal([(Tier.Hot, true)], await StateAsync(worker, one));
            var spec = (await DescribeAsync(worker, two)).Spec;
            Assert.Equal((false, 64), (spec.Pinned, spec.EfSearch));
            // Pinned already: saying so again asks for no room.
            await PinAsync(worker, one, true);

            await PinAsync(worker, one, false);
            await PinAsync(worker, two, true);
            Assert.Equal([(Tier.Hot, true)], await StateAsync(worker, two));
        }

        await using var small = await StartAsync(("HotBytesMax", "1"));
        await Refusal.ExpectAsync(ErrorCode.PinBudget, "pinned", () => FilledAsync(small, isPinned: true));
        Assert.Equal(2, small.Get<CollectionStore>().Entries.Count);
        Assert.Equal(2, Directory.EnumerateDirectories(_folder.File("vectors")).Count());
    }

    [Fact]
    public async Task Two_that_are_pinned_at_once_do_not_both_count_on_the_same_room()
    {
        string[] ids;
        long bytes;
        await using (var first = await StartAsync())
        {
            ids = [await FilledAsync(first), await FilledAsync(first), await FilledAsync(first)];
            bytes = (await DescribeAsync(first, ids[0])).MemoryBytes;
        }

        await using var worker = await StartAsync(("HotBytesMax", $"{bytes * 3 / 2}"));
        var answers = await Task.WhenAll(ids.Select(async id =>
            await Record.ExceptionAsync(() => PinAsync(worker, id, true))));
        Assert.Single(answers, answer => answer is null);
        Assert.Single(await StateAsync(worker, ids), state => state.IsPinned);
    }

    [Fact]
    public async Task The_setting_decides_until_something_is_said_of_the_collection()
    {
        string id;
        await using (var first = await StartAsync()) id = await FilledAsync(first);
        await using (var second = await StartAsync(("Pinned:0", id)))
        {
            await QuietAsync(second);
            Assert.Equal([(Tier.Hot, true)], await StateAsync(second, id));
            await PinAsync(second, id, false);
            await QuietAsync(second);
            Assert.Equal([(Tier.Cold, false)], await StateAsync(second, id));
        }

        await using var third = await StartAsync(("Pinned:0", id));
        await QuietAsync(third);
        Assert.Equal([(Tier.Cold, false)], await StateAsync(third, id));
    }

    [Fact]
    public async Task A_pin_that_can_not_be_read_leaves_the_collection_served_and_can_be_given_again()
    {
        string id;
        await using (var first = await StartAsync()) id = await FilledAsync(first, isPinned: true);
        await File.WriteAllTextAsync(_folder.File($"vectors/{id}/{PinFile.Name}"), "not a pin");
        await using (var second = await StartAsync())
        {
            Assert.Equal(Rows, await second.CountAsync(id));
            Assert.Equal([(Tier.Hot, false)], await StateAsync(second, id));
            await PinAsync(second, id, true);
        }

        await using var third = await StartAsync();
        Assert.Equal([(Tier.Hot, true)], await StateAsync(third, id));
    }

    [Fact]
    public async Task A_restored_snapshot_is_not_pinned_and_a_dropped_collection_leaves_no_pin()
    {
        await using var worker = await StartAsync();
        var id = await FilledAsync(worker, isPinned: true);
        var (snapshot, copy) = (Guid.CreateVersion7().ToString("D"), Guid.CreateVersion7().ToString("D"));
        await worker.Client.CreateSnapshotAsync(
            new CreateSnapshotRequest { CollectionId = id, SnapshotId = snapshot, NoteJson = "{}" });
        await worker.Client.RestoreSnapshotAsync(
            new RestoreSnapshotRequest { SnapshotId = snapshot, CollectionId = copy });
        Assert.Equal([(Tier.Hot, true), (Tier.Hot, false)], await StateAsync(worker, id, copy));

        await worker.Client.DropCollectionAsync(new DropCollectionRequest { CollectionId = id });
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", () => PinAsync(worker, id, true));
        Assert.Equal([copy], Directory.EnumerateDirectories(_folder.File("vectors")).Select(Path.GetFileName));
    }

    private async Task<WorkerHost> StartAsync(params (string Name, string Value)[] settings) =>
        await WorkerHost.StartAsync(_folder.Path, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(_time);
            foreach (var (name, value) in settings)
                builder.Configuration[$"{IndexOptions.Section}:{name}"] = value;
        });

    private async Task QuietAsync(WorkerHost worker)
    {
        _time.Advance(LongAgo);
        var store = worker.Get<CollectionStore>();
        await store.SweepTiersAsync();
        // The worker's own timer moves with the clock and may be at it too: what it began is awaited.
        foreach (var entry in store.Entries) await entry.Settled.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task<string> FilledAsync(WorkerHost worker, bool isPinned = false)
    {
        var id = Guid.CreateVersion7().ToString("D");
        await worker.Client.CreateCollectionAsync(new CreateCollectionRequest
        {
            CollectionId = id,
            Spec = new CollectionSpec
            {
                Dims = Dims,
                Metric = Metric.L2,
                IndexType = IndexType.Flat,
                Pinned = isPinned,
            },
        });
        await worker.UpsertAsync(id, WorkerHost.RandomRows(Rows, Dims, seed: 3));
        return id;
    }

    private static async Task PinAsync(WorkerHost worker, string id, bool isPinned) =>
        await worker.Client.UpdateCollectionAsync(
            new UpdateCollectionRequest { CollectionId = id, Pinned = isPinned });

    private static async Task<DescribeCollectionResponse> DescribeAsync(WorkerHost worker, string id) =>
        await worker.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionId = id });

    private static async Task<IEnumerable<(Tier Tier, bool IsPinned)>> StateAsync(
        WorkerHost worker, params string[] ids)
    {
        var states = new List<(Tier, bool)>();
        foreach (var id in ids)
        {
            var described = await DescribeAsync(worker, id);
            states.Add((described.Tier, described.Spec.Pinned));
        }

        return states;
    }

    private static CollectionState StateOf(WorkerHost worker, string id) =>
        worker.Get<CollectionStore>().Entries.Single(entry => entry.Id == Guid.Parse(id)).State;
}
