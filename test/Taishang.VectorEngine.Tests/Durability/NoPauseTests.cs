using Taishang.VectorEngine.Storage;

namespace Taishang.VectorEngine.Tests.Durability;

/// <summary>
/// Maintenance is held in its middle, at each file that it makes, and everything else has to go on: no clock decides,
/// who would have to wait for it waits for ever.
/// </summary>
public sealed class NoPauseTests
{
    private const int Dimensions = 8;
    private const int RowCount = 1200;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    public static TheoryData<IndexKind, bool> Works
    {
        get
        {
            var works = new TheoryData<IndexKind, bool>();
            foreach (var kind in Enum.GetValues<IndexKind>())
            {
                works.Add(kind, false);
                works.Add(kind, true);
            }

            return works;
        }
    }

    [Theory]
    [MemberData(nameof(Works))]
    public async Task Searches_and_writes_go_on_while_a_build_or_a_compaction_is_held(IndexKind kind, bool isCompaction)
    {
        var seen = new List<string>();
        for (var file = 0; ; file++)
        {
            await using var folder = new EngineFolder();
            var gate = new GatedDevice();
            folder.Device = gate;
            var world = await World.MakeAsync(folder, kind);
            var reached = gate.CloseAt(file);
            var collection = folder.Collection!;
            var work = Task.Run(() => isCompaction
                ? collection.CompactAsync(null, CancellationToken.None)
                : collection.BuildIndexAsync(null, CancellationToken.None));
            if (await Task.WhenAny(reached, work).WaitAsync(Patience) == work)
            {
                await work;
                break;
            }

            seen.Add((await reached).Split('-', '.')[0]);
            world.Read(collection);

            // The manifest is put in place between two writes, and a write waits for that one small file.
            if (seen[^1] != "manifest")
            {
                await world.WriteAsync(collection).WaitAsync(Patience);
                world.Read(collection);
            }

            gate.Open();
            await work.WaitAsync(Patience);
            world.Read(collection);
            await world.WriteAsync(collection);
            world.Read(await folder.ReopenAsync());
        }

        Assert.Contains("segment", seen);
        Assert.Contains("manifest", seen);
    }

    [Fact]
    public async Task Searches_and_writes_go_on_while_the_threads_of_a_build_are_held()
    {
        await using var folder = new EngineFolder();
        var world = await World.MakeAsync(folder, IndexKind.Hnsw);
        var collection = folder.Collection!;
        using var holder = new Holder();
        var work = Task.Run(() => collection.BuildIndexAsync(holder, CancellationToken.None));
        await holder.Reached.WaitAsync(Patience);

        world.Read(collection);
        await world.WriteAsync(collection).WaitAsync(Patience);
        world.Read(collection);

        holder.Release();
        await work.WaitAsync(Patience);
        world.Read(collection);
        world.Read(await folder.ReopenAsync());
    }

    [Fact]
    public async Task Searches_see_every_row_while_compactions_replace_the_memory_under_them()
    {
        await using var folder = new EngineFolder();
        var world = await World.MakeAsync(folder, IndexKind.Hnsw);
        var collection = folder.Collection!;
        var rows = collection.Get([.. world.Ids.Select(id => new VectorId(id))]);
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var round = 0; round < 30; round++)
                world.Read(collection);
        })).ToArray();
        for (var round = 0; round < 6; round++)
        {
            await collection.UpsertAsync([rows[round]], CancellationToken.None);
            await collection.CompactAsync(null, CancellationToken.None);
        }

        await Task.WhenAll(readers);
        Assert.Equal(0, collection.Describe().DeadRows);
    }

    /// <summary>Rows of which a few are dead, and a plain set of those alive.</summary>
    private sealed class World
    {
        private readonly Random _random = new(5);
        private int _next = RowCount;

        public SortedSet<string> Ids { get; } = new(StringComparer.Ordinal);

        public static async Task<World> MakeAsync(EngineFolder folder, IndexKind kind)
        {
            var world = new World();
            var collection = await folder.CreateAsync(new VectorCollectionOptions
            {
                Dimensions = Dimensions,
                Metric = DistanceMetric.L2,
                Index = kind,
                Hnsw = new HnswOptions { EfConstruction = 40 },
            });
            var rows = Rows.Numbered(Rows.Vectors(4, RowCount, Dimensions), i => $"{{\"n\":{i % 10}}}");
            await collection.UpsertAllAsync(rows);
            await collection.BuildIndexAsync(null, CancellationToken.None);
            world.Ids.UnionWith(rows.Select(row => row.Id.Text));
            await world.WriteAsync(collection);
            return world;
        }

        /// <summary>New rows, replaced ones, deletes by id and by filter, each acknowledged.</summary>
        public async Task WriteAsync(VectorCollection collection)
        {
            var fresh = Enumerable.Range(_next, 5).Select(i => $"r{i:D6}").ToList();
            _next += fresh.Count;
            var replaced = Ids.ElementAt(_random.Next(Ids.Count));
            var rows = fresh.Append(replaced).Select(id => Rows.Row(id, Rows.Vector(_random, Dimensions))).ToList();
            Assert.Equal(6, await collection.UpsertAsync(rows, CancellationToken.None));
            Ids.UnionWith(fresh);
            var gone = Ids.Where(id => id != replaced).Take(2).ToList();
            Assert.Equal(2, await collection.DeleteAsync(
                [.. gone.Select(id => new VectorId(id))], CancellationToken.None));
            Ids.ExceptWith(gone);
            Assert.Equal(0, await collection.DeleteAsync(Rows.Filter("{\"n\":77}"), CancellationToken.None));
        }

        public void Read(VectorCollection collection)
        {
            Assert.Equal(Ids.Count, collection.Count());
            Assert.Equal(Ids, collection.Search(new SearchRequest(new float[Dimensions], 5000)).Ids()
                .Order(StringComparer.Ordinal));
            var narrow = new SearchRequest(new float[Dimensions], 10) { EfSearch = 12 };
            Assert.Equal(10, collection.Search(narrow).Hits.Count);
            Assert.Equal(Ids.Count, collection.Get([.. Ids.Select(id => new VectorId(id))]).Count);
        }
    }

    /// <summary>Stops the thread of a build that reports the first part of its progress.</summary>
    private sealed class Holder : IProgress<double>, IDisposable
    {
        private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _open = new();

        public Task Reached => _reached.Task;

        public void Report(double value)
        {
            _reached.TrySetResult();
            _open.Wait();
        }

        public void Release() => _open.Set();

        public void Dispose() => _open.Dispose();
    }
}
