using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.AiClient;

public sealed class TelemetryTests
{
    [Fact]
    public async Task Attempts_retries_and_serving_workers_are_measured()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Before = (method, _) => method == "SearchVectors"
            ? throw new RpcException(new Status(StatusCode.Unavailable, "leaving"))
            : Task.CompletedTask;
        await using var world = await ClientWorld.StartAsync(worker.Address);
        await world.UntilAsync(pool => pool.AnyServing);
        var factory = world.Get<IMeterFactory>();
        var seen = new ConcurrentQueue<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, one) =>
        {
            if (ReferenceEquals(instrument.Meter.Scope, factory)) one.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) =>
            seen.Enqueue($"{instrument.Name} {string.Join(' ', tags.ToArray().Select(tag => tag.Value))}"));
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            seen.Enqueue($"{instrument.Name} {value}"));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) =>
            seen.Enqueue($"{instrument.Name} {value}"));
        listener.Start();

        await world.Client.CallAsync(
            AiCalls.CountVectors, new CountVectorsRequest(), null, CancellationToken.None);
        await Assert.ThrowsAsync<ApiException>(() => world.Client.CallAsync(
            AiCalls.SearchVectors, new SearchVectorsRequest(), null, CancellationToken.None));
        listener.RecordObservableInstruments();

        Assert.Equal(1, seen.Count(one => one == "taishang.ai_client.call.duration CountVectors success"));
        Assert.Equal(4, seen.Count(one => one == "taishang.ai_client.call.duration SearchVectors failed"));
        Assert.Equal(3, seen.Count(one => one == "taishang.ai_client.call.retries 1"));
        Assert.Contains("taishang.ai_client.workers.serving 1", seen);
    }
}
