using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Ai.Indexes;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;

namespace Taishang.Ai.Tests.Indexes;

public sealed class RecallSamplerTests : IDisposable
{
    private const int Dims = 16;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Sampled_searches_are_repeated_exactly_and_their_recall_is_told_by_index_type()
    {
        await using var worker = await StartAsync(("RecallShare", "1"), ("RecallQueueMax", "100"));
        using var seen = new Recalls(worker, 20);
        var graph = await worker.CreateAsync(Dims, Metric.L2, IndexType.Hnsw);
        var flat = await worker.CreateAsync(Dims);
        var rows = WorkerHost.RandomRows(2_000, Dims, seed: 3);
        await worker.UpsertAsync(graph, rows);
        await worker.UpsertAsync(flat, rows[..10]);
        using (var build = worker.Client.BuildIndex(new BuildIndexRequest { CollectionId = graph }))
        {
            while (await build.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        }

        for (var i = 0; i < 20; i++)
        {
            await worker.SearchAsync(graph, [.. rows[i].Vector]);
            // A scan is exact already, and who asks for one needs no comparison.
            await worker.SearchAsync(flat, [.. rows[i].Vector]);
            var exact = WorkerHost.Question(graph, [.. rows[i].Vector]);
            exact.Exact = true;
            await worker.Client.SearchVectorsAsync(exact);
        }

        var (told, missed) = await seen.AllAsync();
        Assert.Equal(20, told.Count + missed.Count);
        Assert.All(told, value => Assert.Equal("hnsw", value.Index));
        Assert.All(missed, reason => Assert.Equal("busy", reason));
        Assert.NotEmpty(told);
        Assert.InRange(told.Average(value => value.Recall), 0.9, 1);
    }

    [Fact]
    public async Task What_can_not_be_repeated_is_counted_and_waited_for_by_nobody()
    {
        await using var worker = await StartAsync(("RecallShare", "1"), ("RecallRowsMax", "5"));
        using var seen = new Recalls(worker, 2);
        var large = await worker.CreateAsync(Dims, Metric.L2, IndexType.Hnsw);
        await worker.UpsertAsync(large, WorkerHost.RandomRows(6, Dims, seed: 4));
        await worker.SearchAsync(large, new float[Dims]);
        var gone = new RecallSample(Guid.NewGuid(), "hnsw", new SearchRequest(new float[Dims], 1));
        worker.Get<RecallSampler>().Offer(gone);
        var (told, missed) = await seen.AllAsync();
        Assert.Empty(told);
        Assert.Equal(["cold", "too_large"], missed.Order());
    }

    [Theory]
    [InlineData(0, 0, 0)]
    [InlineData(1, 1_000, 1_000)]
    [InlineData(0.05, 30, 70)]
    public async Task The_share_is_kept_and_one_seed_chooses_the_same_searches(double share, int least, int most)
    {
        await using var worker = await StartAsync();
        var options = new IndexOptions { RecallShare = share, RecallSeed = 7 };
        List<int> Chosen()
        {
            using var sampler = new RecallSampler(
                worker.Get<CollectionStore>(), worker.Get<CallGates>(), worker.Get<AiMetrics>(), options,
                Microsoft.Extensions.Logging.Abstractions.NullLogger<RecallSampler>.Instance);
            return [.. Enumerable.Range(0, 1_000).Where(_ => sampler.Wants())];
        }

        var first = Chosen();
        Assert.InRange(first.Count, least, most);
        Assert.Equal(first, Chosen());
    }

    [Fact]
    public async Task A_full_queue_drops_what_comes_and_says_so()
    {
        await using var worker = await StartAsync();
        using var seen = new Recalls(worker, 3);
        using var sampler = new RecallSampler(
            worker.Get<CollectionStore>(), worker.Get<CallGates>(), worker.Get<AiMetrics>(),
            new IndexOptions { RecallQueueMax = 2 },
            Microsoft.Extensions.Logging.Abstractions.NullLogger<RecallSampler>.Instance);
        // Nobody reads: it was not started.
        for (var i = 0; i < 5; i++) sampler.Offer(new RecallSample(Guid.NewGuid(), "hnsw", new(default, 1)));
        Assert.Equal(["queue_full", "queue_full", "queue_full"], (await seen.AllAsync()).Missed);
    }

    [Fact]
    public void Recall_counts_rows_at_the_distance_of_the_last_exact_one_as_found()
    {
        static SearchAnswer Answer(params (string Id, float Distance)[] hits) =>
            new([.. hits.Select(hit => new SearchHit(new VectorId(hit.Id), hit.Distance, 0))]);

        var exact = Answer(("a", 1), ("b", 2), ("c", 2));
        Assert.Equal(1, RecallSampler.Recall(exact, exact));
        Assert.Equal(1, RecallSampler.Recall(Answer(("a", 1), ("b", 2), ("d", 2)), exact));
        Assert.Equal(2 / 3.0, RecallSampler.Recall(Answer(("b", 2), ("c", 2), ("e", 3)), exact));
        Assert.Equal(0, RecallSampler.Recall(Answer(), exact));
        Assert.Equal(1, RecallSampler.Recall(Answer(), Answer()));
    }

    private Task<WorkerHost> StartAsync(params (string Name, string Value)[] settings) =>
        WorkerHost.StartAsync(_folder.Path, builder =>
        {
            foreach (var (name, value) in settings)
                builder.Configuration[$"{IndexOptions.Section}:{name}"] = value;
        });

    /// <summary>What is told of sampled searches, until so many were.</summary>
    private sealed class Recalls : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<(string Index, double Recall)> _told = [];
        private readonly List<string> _missed = [];

        public Recalls(WorkerHost worker, int count)
        {
            var mine = worker.Get<AiMetrics>().Meter;
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == mine
                    && instrument.Name.StartsWith("taishang.ai.search.recall", StringComparison.Ordinal))
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
            {
                var index = (string)tags[0].Value!;
                See(() => _told.Add((index, value)));
            });
            _listener.SetMeasurementEventCallback<long>((_, _, tags, _) =>
            {
                var reason = (string)tags[0].Value!;
                See(() => _missed.Add(reason));
            });
            _listener.Start();

            void See(Action add)
            {
                lock (_told)
                {
                    add();
                    if (_told.Count + _missed.Count == count) _all.TrySetResult();
                }
            }
        }

        public async Task<(List<(string Index, double Recall)> Told, List<string> Missed)> AllAsync()
        {
            await _all.Task.WaitAsync(TimeSpan.FromSeconds(30));
            return (_told, _missed);
        }

        public void Dispose() => _listener.Dispose();
    }
}
