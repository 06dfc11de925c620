using System.Diagnostics.Metrics;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Indexes;

public sealed class AiMetricsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Work_shows_in_the_figures_with_few_tags_and_bounded_collections()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:GaugeCollectionsMax"] = "1");
        var mine = worker.Get<AiMetrics>().Meter;
        var seen = new Dictionary<string, List<(double Value, string Tags)>>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter == mine) listener.EnableMeasurementEvents(instrument);
            },
        };
        void See(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            var text = string.Join(',', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
            lock (seen)
            {
                if (!seen.TryGetValue(instrument.Name, out var list)) seen[instrument.Name] = list = [];
                list.Add((value, text));
            }
        }

        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => See(instrument, value, tags));
        listener.Start();

        var large = await worker.CreateAsync(8, Metric.L2, IndexType.Hnsw);
        var small = await worker.CreateAsync(8);
        await worker.UpsertAsync(large, WorkerHost.RandomRows(20, 8, seed: 1));
        await worker.UpsertAsync(small, WorkerHost.RandomRows(3, 8, seed: 2));
        await worker.SearchAsync(large, new float[8]);
        await worker.Client.ComputeEmbeddingAsync(new ComputeEmbeddingRequest
        {
            Model = new ModelSpec { Name = "taishang-embed", Provider = "builtin" },
            Texts = { "text" },
        });
        listener.RecordObservableInstruments();

        lock (seen)
        {
            Assert.Equal("index_type=hnsw", Assert.Single(seen["taishang.ai.search.duration"]).Tags);
            Assert.Equal([20.0, 3.0], seen["taishang.ai.rows"].Select(row => row.Value));
            Assert.Equal(
                "provider=builtin,model=taishang-embed", Assert.Single(seen["taishang.ai.embed.duration"]).Tags);
            Assert.Contains(seen["taishang.ai.call.duration"], call => call.Tags == "method=SearchVectors,status=OK");
            Assert.Equal(
                [(20.0, $"collection_id={large}"), (3.0, "collection_id=other")],
                seen["taishang.ai.collection.live_rows"]);
            Assert.All(seen["taishang.ai.collection.memory"], memory => Assert.True(memory.Value > 0));
            Assert.Equal(
                [(0.0, "state=opening"), (2.0, "state=open"), (0.0, "state=cold"), (0.0, "state=broken")],
                seen["taishang.ai.collections"]);
            Assert.DoesNotContain(seen["taishang.ai.call.duration"], call => call.Tags.Contains("Check"));
        }
    }
}
