using System.Text;
using Microsoft.Extensions.Time.Testing;

namespace Taishang.VectorEngine.Tests.Model;

public sealed class ConcurrencyTests
{
    private const int Dimensions = 12;

    [Fact]
    public async Task Two_hundred_parallel_upserts_of_one_id_leave_one_version()
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = true };
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        var vectors = Rows.Vectors(1, 200, Dimensions);

        await Task.WhenAll(vectors.Select(vector => Task.Run(
            () => collection.UpsertAsync([Rows.Row("one", vector)], CancellationToken.None))));

        Check(collection);
        await collection.BuildIndexAsync(null, CancellationToken.None);
        Check(collection);
        Check(await folder.ReopenAsync());

        void Check(VectorCollection present)
        {
            Assert.Equal(1, present.Count());
            Assert.Single(present.Search(new SearchRequest(vectors[0], 10)).Hits);
            var kept = present.Get([new VectorId("one")])[0].Vector.ToArray();
            Assert.Contains(vectors, vector => vector.SequenceEqual(kept));
        }
    }

    [Fact]
    public async Task Two_builds_at_once_are_one_build_and_cover_all_that_was_written()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(2, 5000, Dimensions)));

        var first = collection.BuildIndexAsync(null, CancellationToken.None);
        await collection.UpsertAsync([Rows.Row("late", Rows.Vectors(3, 1, Dimensions)[0])], CancellationToken.None);
        await Task.WhenAll(first, collection.BuildIndexAsync(null, CancellationToken.None));

        Assert.Equal(5001, collection.Describe().IndexedRows);
        Assert.Single(Directory.EnumerateFiles(folder.Path, "graph-*"));
    }

    [Fact]
    public async Task The_progress_of_a_build_never_goes_back_and_ends_at_one_for_all_who_wait()
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { BuildThreads = 8 };
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(7, 6000, Dimensions)));
        var listeners = new[] { new SlowListener(), new SlowListener() };

        await Task.WhenAll(
            listeners.Select(listener => collection.BuildIndexAsync(listener, CancellationToken.None)));

        foreach (var listener in listeners)
        {
            Assert.Equal(listener.Shares.Order(), listener.Shares);
            Assert.Equal(1, listener.Shares[^1]);
            Assert.InRange(listener.Shares[0], 0, 1);
        }
    }

    [Fact]
    public async Task A_build_given_up_by_all_stops_and_the_next_one_finishes()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions { Dimensions = Dimensions });
        await collection.UpsertAllAsync(Rows.Numbered(Rows.Vectors(4, 6000, Dimensions)));
        using var stop = new CancellationTokenSource();
        var progress = new Stopper(stop);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => collection.BuildIndexAsync(progress, stop.Token));
        await collection.BuildIndexAsync(null, CancellationToken.None);

        Assert.Equal(6000, collection.Describe().IndexedRows);
    }

    [Fact]
    public async Task Rows_stay_the_same_while_their_memory_becomes_pages_of_files()
    {
        const int Wide = 256;
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SealAfterRows = 700 };
        var options = new VectorCollectionOptions { Dimensions = Wide, Index = IndexKind.Flat };
        var collection = await folder.CreateAsync(options);
        var vectors = Rows.Vectors(8, 2500, Wide);
        var rows = Rows.Numbered(vectors, i => $"{{\"n\":\"{new string('x', i % 400)}\"}}");
        await collection.UpsertAllAsync(rows.GetRange(0, 1000));
        using var stop = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 2).Select(reader => Task.Run(() =>
        {
            var random = new Random(reader);
            var wrong = 0;
            while (!stop.IsCancellationRequested)
            {
                var i = random.Next(1000);
                wrong += collection.Get([rows[i].Id]).Count(row => IsSame(row, rows[i])) == 1 ? 0 : 1;
            }

            return wrong;
        })).ToList();
        await collection.UpsertAllAsync(rows.GetRange(1000, 1500));
        for (var i = 1000; i < 2000; i += 60)
        {
            // Small segments are sealed, then merged, and at last compacted.
            await collection.DeleteAsync([rows[i].Id, rows[i + 30].Id], CancellationToken.None);
            await collection.UpsertAsync([rows[i]], CancellationToken.None);
            await collection.BuildIndexAsync(null, CancellationToken.None);
        }

        await stop.CancelAsync();
        Assert.All(await Task.WhenAll(readers), wrong => Assert.Equal(0, wrong));
        Check();
        collection = await folder.ReopenAsync();
        Check();

        void Check()
        {
            var mapped = collection.Describe().MappedBytes;
            Assert.True(!Taishang.VectorEngine.Memory.SystemPages.CanMap || mapped > 1 << 20, $"{mapped} bytes mapped");
            Assert.Equal(2483, collection.Count());
            var found = rows.SelectMany(row => collection.Get([row.Id])).ToDictionary(row => row.Id);
            Assert.Equal(2483, rows.Count(row => found.TryGetValue(row.Id, out var held) && IsSame(held, row)));
        }

        static bool IsSame(VectorRow left, VectorRow right) =>
            left.Vector.Span.SequenceEqual(right.Vector.Span)
            && left.MetadataJson.Span.SequenceEqual(right.MetadataJson.Span);
    }

    [Fact]
    public async Task Rows_of_one_call_become_visible_together()
    {
        await using var folder = new EngineFolder();
        var collection = await folder.CreateAsync(new VectorCollectionOptions
        {
            Dimensions = 2,
            Metric = DistanceMetric.L2,
        });
        using var stop = new CancellationTokenSource();
        var torn = 0;
        var reader = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                var hits = collection.Search(new SearchRequest(new float[2], 100) { IncludeMetadata = true }).Hits;
                var versions = hits.Select(hit => Encoding.UTF8.GetString(hit.MetadataJson.Span)).Distinct().Count();
                if (versions > 1 || hits.Count % 20 != 0)
                    Interlocked.Increment(ref torn);
            }
        });
        for (var version = 0; version < 300; version++)
        {
            await collection.UpsertAsync(
                [.. Enumerable.Range(0, 20).Select(i => Rows.Row($"{i}", [i, version], $"{{\"v\":{version}}}"))],
                CancellationToken.None);
        }

        await stop.CancelAsync();
        await reader;

        Assert.Equal(0, torn);
    }

    [Fact]
    public async Task Rows_whose_time_has_come_are_seen_by_nobody_while_another_reader_sweeps_them_out()
    {
        const int Rounds = 30_000;
        var clock = new FakeTimeProvider();
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { Time = clock, SyncBeforeAcknowledge = false };
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = Dimensions, Index = IndexKind.Flat });
        var vector = Rows.Vectors(9, 1, Dimensions)[0];
        var seen = 0;
        using var together = new Barrier(2);
        var reader = Task.Run(() =>
        {
            for (var round = 0; round < Rounds; round++)
                Look();
        });
        for (var round = 0; round < Rounds; round++)
        {
            var row = Rows.Row("one", vector) with { ExpiresAt = clock.GetUtcNow().AddSeconds(1) };
            await collection.UpsertAsync([row], CancellationToken.None);
            clock.Advance(TimeSpan.FromSeconds(2));
            Look();
        }

        await reader;
        Assert.Equal(0, seen);

        void Look()
        {
            together.SignalAndWait(TestContext.Current.CancellationToken);
            if (collection.Count() != 0)
                Interlocked.Increment(ref seen);
            together.SignalAndWait(TestContext.Current.CancellationToken);
        }
    }

    [Fact]
    public async Task Rows_that_are_written_after_their_time_are_seen_by_nobody()
    {
        await using var folder = new EngineFolder();
        folder.Engine = folder.Engine with { SyncBeforeAcknowledge = false };
        var collection = await folder.CreateAsync(
            new VectorCollectionOptions { Dimensions = Dimensions, Index = IndexKind.Flat });
        var row = Rows.Row("one", Rows.Vectors(9, 1, Dimensions)[0]) with { ExpiresAt = DateTimeOffset.UnixEpoch };
        using var stop = new CancellationTokenSource();
        var reader = Task.Run(() =>
        {
            var seen = 0;
            while (!stop.IsCancellationRequested)
                seen += (int)collection.Count();
            return seen;
        });
        for (var round = 0; round < 30_000; round++)
            await collection.UpsertAsync([row], CancellationToken.None);
        await stop.CancelAsync();

        Assert.Equal(0, await reader);
    }

    /// <summary>Takes its time before it notes a share, so that a second thread could come first.</summary>
    private sealed class SlowListener : IProgress<double>
    {
        public List<double> Shares { get; } = [];

        public void Report(double value)
        {
            Thread.SpinWait(Shares.Count % 2 == 0 ? 20_000 : 10);
            lock (Shares)
                Shares.Add(value);
        }
    }

    private sealed class Stopper(CancellationTokenSource stop) : IProgress<double>
    {
        public void Report(double value)
        {
            if (value > 0.2)
                stop.Cancel();
        }
    }
}
