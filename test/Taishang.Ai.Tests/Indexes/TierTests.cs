using System.Diagnostics.Metrics;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Taishang.Ai.Indexes;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Ai.Tests.Indexes;

public sealed class TierTests : IDisposable
{
    private const int Dims = 16;
    private const int Rows = 200;

    private static readonly TimeSpan LongAgo = TimeSpan.FromHours(2);

    private readonly TestFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 22, 8, 0, 0, TimeSpan.Zero));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_nobody_used_for_long_gives_its_memory_back_and_comes_back_on_the_first_call()
    {
        await using var worker = await StartAsync();
        using var counts = new Counts(worker);
        var id = await FilledAsync(worker);
        var hot = await DescribeAsync(worker, id);
        Assert.Equal(Tier.Hot, hot.Tier);
        Assert.True(hot.MemoryBytes > 0);

        _time.Advance(TimeSpan.FromMinutes(59));
        await worker.SearchAsync(id, new float[Dims]);
        _time.Advance(TimeSpan.FromMinutes(59));
        // Looking is no use.
        await DescribeAsync(worker, id);
        await SweepAsync(worker);
        Assert.Equal(Tier.Hot, (await DescribeAsync(worker, id)).Tier);
        _time.Advance(TimeSpan.FromMinutes(1));
        await SweepAsync(worker);
        var cold = await DescribeAsync(worker, id);
        Assert.Equal((Tier.Cold, 0), (cold.Tier, cold.MemoryBytes));
        Assert.Equal(
            (hot.LiveRows, hot.IndexedRows, hot.DiskBytes, hot.Spec),
            (cold.LiveRows, cold.IndexedRows, cold.DiskBytes, cold.Spec));
        Assert.Equal(1, counts["taishang.ai.collection.evictions reason=idle"]);

        var found = await worker.SearchAsync(id, Vector(7), topK: 1);
        Assert.Equal("r7", found.Hits_[0].Id.Text);
        Assert.Equal(Tier.Hot, (await DescribeAsync(worker, id)).Tier);
        Assert.Equal(1, counts["taishang.ai.collection.load.duration "]);
        Assert.Equal(0, counts.Observe()["taishang.ai.tier.memory tier=cold"]);
        Assert.True(counts["taishang.ai.tier.memory tier=hot"] > 0);
    }

    [Fact]
    public async Task Many_first_calls_at_once_are_one_load()
    {
        await using var worker = await StartAsync();
        using var counts = new Counts(worker);
        var id = await FilledAsync(worker);
        for (var round = 1; round <= 5; round++)
        {
            _time.Advance(LongAgo);
            await SweepAsync(worker);
            var answers = await Task.WhenAll(
                Enumerable.Range(0, 24).Select(i => worker.SearchAsync(id, Vector(i), topK: 1)));
            Assert.Equal(
                Enumerable.Range(0, 24).Select(i => $"r{i}"), answers.Select(hits => hits.Hits_[0].Id.Text));
            Assert.Equal(round, counts["taishang.ai.collection.load.duration "]);
        }
    }

    [Fact]
    public async Task Above_the_budget_those_used_longest_ago_go_first_and_pinned_ones_stay()
    {
        var ids = new List<string>();
        long bytes = 0;
        await using (var first = await StartAsync())
        {
            for (var i = 0; i < 4; i++) ids.Add(await FilledAsync(first));
            bytes = (await DescribeAsync(first, ids[0])).MemoryBytes;
        }

        await using var worker = await StartAsync(("HotBytesMax", $"{bytes * 5 / 2}"), ("Pinned:0", ids[0]));
        foreach (var id in ids)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await worker.SearchAsync(id, new float[Dims]);
        }

        await SweepAsync(worker);
        Assert.Equal([Tier.Hot, Tier.Cold, Tier.Cold, Tier.Hot], await TiersAsync(worker, ids));
        _time.Advance(TimeSpan.FromMinutes(1));
        await worker.SearchAsync(ids[1], new float[Dims]);
        await SweepAsync(worker);
        Assert.Equal([Tier.Hot, Tier.Hot, Tier.Cold, Tier.Cold], await TiersAsync(worker, ids));
        _time.Advance(LongAgo);
        await SweepAsync(worker);
        Assert.Equal([Tier.Hot, Tier.Cold, Tier.Cold, Tier.Cold], await TiersAsync(worker, ids));
    }

    [Fact]
    public async Task A_scroll_that_waits_for_its_next_page_keeps_its_collection()
    {
        await using var worker = await StartAsync(("ColdAfterSeconds", "60"), ("HotBytesMax", "1"));
        var id = await FilledAsync(worker);
        var request = new ScrollVectorsRequest { CollectionId = id, Limit = Rows / 2 };
        request.Cursor = (await worker.Client.ScrollVectorsAsync(request)).NextCursor;
        _time.Advance(TimeSpan.FromMinutes(4));
        await SweepAsync(worker);
        Assert.Equal([Tier.Hot], await TiersAsync(worker, [id]));
        Assert.Equal(Rows / 2, (await worker.Client.ScrollVectorsAsync(request)).Rows.Count);

        _time.Advance(TimeSpan.FromMinutes(5));
        await SweepAsync(worker);
        Assert.Equal([Tier.Cold], await TiersAsync(worker, [id]));
        await Refusal.ExpectAsync(
            ErrorCode.ScrollExpired, "cursor", async () => await worker.Client.ScrollVectorsAsync(request));
    }

    [Fact]
    public async Task At_a_start_what_was_written_last_is_read_first_and_the_rest_stays_cold()
    {
        var ids = new List<string>();
        long bytes = 0;
        await using (var first = await StartAsync())
        {
            for (var i = 0; i < 3; i++) ids.Add(await FilledAsync(first));
            bytes = (await DescribeAsync(first, ids[0])).MemoryBytes;
        }

        for (var i = 0; i < 3; i++)
        {
            foreach (var file in Directory.EnumerateFiles(_folder.File($"vectors/{ids[i]}")))
                File.SetLastWriteTimeUtc(file, new DateTime(2026, 1, 10 - i, 0, 0, 0, DateTimeKind.Utc));
        }

        var estimate = VectorCollection.EstimateOpenBytes(_folder.File($"vectors/{ids[2]}"));
        await using var worker = await StartAsync(
            ("HotBytesMax", $"{estimate + bytes * 3 / 2}"), ("OpenParallelism", "1"));
        var store = worker.Get<CollectionStore>();
        Assert.Equal(CollectionState.Open, StateOf(store, ids[0]));
        Assert.Equal(CollectionState.Cold, StateOf(store, ids[2]));
        Assert.Equal(Rows, await worker.CountAsync(ids[2]));
    }

    [Fact]
    public async Task Who_waits_too_long_is_told_to_come_again_and_the_load_goes_on()
    {
        await using var worker = await StartAsync(("OpenWaitMs", "0"));
        var id = await FilledAsync(worker);
        _time.Advance(LongAgo);
        await SweepAsync(worker);
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.CollectionOpening, "collection_id", () => worker.CountAsync(id));
        Assert.NotNull(refusal.Trailers.GetValue(Taishang.Ai.Rpc.WorkerErrors.RetryAfterTrailer));
        await worker.Get<CollectionStore>().Entries.Single().Settled.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(Rows, await worker.CountAsync(id));
    }

    [Fact]
    public async Task A_load_that_the_limit_refuses_leaves_the_collection_cold_and_not_broken()
    {
        string id;
        await using (var first = await StartAsync()) id = await FilledAsync(first);
        await using (var small = await StartAsync(("MemoryBytesMax", "1")))
        {
            Assert.Equal(CollectionState.Cold, StateOf(small.Get<CollectionStore>(), id));
            var refusal = await Refusal.ExpectAsync(
                ErrorCode.InsufficientMemory, "collection_id", () => small.CountAsync(id));
            Assert.Contains("opening the collection", refusal.Status.Detail);
            Assert.Equal(CollectionState.Cold, StateOf(small.Get<CollectionStore>(), id));
            Assert.True((await small.Client.DropCollectionAsync(
                new DropCollectionRequest { CollectionId = id })).Existed);
        }
    }

    [Fact]
    public async Task Who_is_inside_keeps_a_collection_and_a_cold_one_can_be_dropped()
    {
        await using var worker = await StartAsync();
        var id = await FilledAsync(worker);
        var store = worker.Get<CollectionStore>();
        var inside = await store.EnterAsync(Guid.Parse(id), CancellationToken.None);
        _time.Advance(LongAgo);
        await SweepAsync(worker);
        Assert.Equal(Rows, inside.Collection.Count());
        inside.Dispose();
        _time.Advance(LongAgo);
        await SweepAsync(worker);
        Assert.Equal(CollectionState.Cold, StateOf(store, id));
        await worker.Client.DropCollectionAsync(new DropCollectionRequest { CollectionId = id });
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", () => worker.CountAsync(id));
    }

    [Fact]
    public async Task Rows_that_expire_while_their_collection_is_cold_are_gone_from_its_description_at_once()
    {
        await using var worker = await StartAsync();
        var id = await FilledAsync(worker);
        var row = WorkerHost.Row("short", Vector(1));
        row.ExpiresAtMs = _time.GetUtcNow().AddHours(3).ToUnixTimeMilliseconds();
        await worker.UpsertAsync(id, row);
        _time.Advance(LongAgo);
        await SweepAsync(worker);
        var cold = await DescribeAsync(worker, id);
        Assert.Equal((Tier.Cold, Rows + 1), (cold.Tier, cold.LiveRows));
        _time.Advance(LongAgo);
        Assert.Equal(Rows, (await DescribeAsync(worker, id)).LiveRows);
    }

    [Fact]
    public async Task Nothing_is_lost_while_collections_go_cold_under_their_callers()
    {
        await using var worker = await StartAsync();
        var id = await FilledAsync(worker);
        using var stop = new CancellationTokenSource();
        var sweeper = Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                _time.Advance(LongAgo);
                await SweepAsync(worker);
                await Task.Yield();
            }
        });
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async caller =>
        {
            for (var i = 0; i < 60; i++)
            {
                var row = WorkerHost.Row($"c{caller}-{i}", Vector(1_000 + i));
                await WhenOpenAsync(() => worker.UpsertAsync(id, row));
                Assert.NotEmpty((await WhenOpenAsync(() => worker.SearchAsync(id, Vector(3), topK: 1))).Hits_);
            }
        }));
        await stop.CancelAsync();
        await sweeper;
        Assert.Equal(Rows + 240, await worker.CountAsync(id));
    }

    /// <summary>The clock runs so fast here that waiting for a load may end early; the caller comes again.</summary>
    private static async Task<T> WhenOpenAsync<T>(Func<Task<T>> call)
    {
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                await Task.Yield();
            }
        }
    }

    private async Task<WorkerHost> StartAsync(params (string Name, string Value)[] settings) =>
        await WorkerHost.StartAsync(_folder.Path, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(_time);
            foreach (var (name, value) in settings)
                builder.Configuration[$"{IndexOptions.Section}:{name}"] = value;
        });

    /// <summary>The worker's own timer moves with the clock and may be at it too: what it began is awaited.</summary>
    private static async Task SweepAsync(WorkerHost worker)
    {
        var store = worker.Get<CollectionStore>();
        await store.SweepTiersAsync();
        foreach (var entry in store.Entries) await entry.Settled.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task<string> FilledAsync(WorkerHost worker)
    {
        var id = await worker.CreateAsync(Dims);
        await worker.UpsertAsync(id, [.. Enumerable.Range(0, Rows).Select(i => WorkerHost.Row($"r{i}", Vector(i)))]);
        return id;
    }

    private static float[] Vector(int i) => [.. Enumerable.Repeat((float)i, Dims)];

    private static async Task<DescribeCollectionResponse> DescribeAsync(WorkerHost worker, string id) =>
        await worker.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionId = id });

    private static async Task<IEnumerable<Tier>> TiersAsync(WorkerHost worker, List<string> ids)
    {
        var tiers = new List<Tier>();
        foreach (var id in ids) tiers.Add((await DescribeAsync(worker, id)).Tier);
        return tiers;
    }

    private static CollectionState StateOf(CollectionStore store, string id) =>
        store.Entries.Single(entry => entry.Id == Guid.Parse(id)).State;

    /// <summary>How often a counter or histogram was told something, and the last value of a gauge.</summary>
    private sealed class Counts : IDisposable
    {
        private readonly Dictionary<string, double> _values = new(StringComparer.Ordinal);
        private readonly MeterListener _listener = new();

        public Counts(WorkerHost worker)
        {
            var mine = worker.Get<AiMetrics>().Meter;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == mine) listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => See(instrument, 1, tags, true));
            _listener.SetMeasurementEventCallback<long>(
                (instrument, value, tags, _) => See(instrument, value, tags, !instrument.IsObservable));
            _listener.Start();
        }

        public double this[string name]
        {
            get
            {
                lock (_values) return _values.GetValueOrDefault(name);
            }
        }

        public Counts Observe()
        {
            _listener.RecordObservableInstruments();
            return this;
        }

        public void Dispose() => _listener.Dispose();

        private void See(
            Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags, bool isSum)
        {
            var key = $"{instrument.Name} {string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))}";
            lock (_values) _values[key] = isSum ? _values.GetValueOrDefault(key) + value : value;
        }
    }
}
