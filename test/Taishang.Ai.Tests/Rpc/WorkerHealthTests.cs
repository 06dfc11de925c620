using System.Net;
using Grpc.Core;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Taishang.Ai.Indexes;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Hosting.Health;
using Taishang.Testing.Processes;
using Taishang.VectorEngine;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Taishang.Ai.Tests.Rpc;

public sealed class WorkerHealthTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_worker_serves_once_its_collections_are_open_and_says_how_far_it_is()
    {
        string id;
        await using (var first = await WorkerHost.StartAsync(_folder.Path)) id = await first.CreateAsync();
        using var clock = new HeldClock();
        await using var worker = await WorkerHost.StartAsync(_folder.Path, clock.Install, waitUntilOpened: false);
        using var watch = worker.Health.Watch(new HealthCheckRequest { Service = WorkerHealth.ServiceName });
        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
        Assert.Equal(ServingStatus.NotServing, (await worker.Health.CheckAsync(new HealthCheckRequest())).Status);
        var check = Assert.Single(worker.App.Services.GetServices<IReadinessCheck>());
        Assert.Equal(
            Readiness.Waiting("opening collections 0/1"), await check.CheckAsync(CancellationToken.None));
        var refusal = await Refusal.ExpectAsync(
            ErrorCode.CollectionOpening, "collection_id", () => worker.CountAsync(id));
        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);

        clock.Release();
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
        Assert.Equal(ServingStatus.Serving, (await worker.Health.CheckAsync(new HealthCheckRequest())).Status);
        Assert.Equal(Readiness.Ready, await check.CheckAsync(CancellationToken.None));
        Assert.Equal(0, await worker.CountAsync(id));
    }

    [Fact]
    public async Task A_call_waits_a_little_for_a_collection_that_is_being_opened()
    {
        string id;
        await using (var first = await WorkerHost.StartAsync(_folder.Path)) id = await first.CreateAsync();
        using var clock = new HeldClock { OpenWaitMs = 30_000 };
        await using var worker = await WorkerHost.StartAsync(_folder.Path, clock.Install, waitUntilOpened: false);
        var count = worker.CountAsync(id);
        Assert.False(count.IsCompleted);
        clock.Release();
        Assert.Equal(0, await count);
    }

    [Fact]
    public async Task A_stopping_worker_tells_its_watchers_and_lets_them_go()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        using var watch = worker.Health.Watch(new HealthCheckRequest());
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
        worker.Get<IHostApplicationLifetime>().StopApplication();
        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
        Assert.False(await watch.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task A_service_that_is_not_here_is_unknown()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var missing = await Assert.ThrowsAsync<RpcException>(async () =>
            await worker.Health.CheckAsync(new HealthCheckRequest { Service = "other.v1.Service" }));
        Assert.Equal(StatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task A_stopping_worker_ends_its_builds_with_the_code_of_shutting_down()
    {
        await using var worker = await WorkerHost.StartWithOneBuilderAsync(_folder.Path);
        var id = await worker.CreateSlowToBuildAsync();
        using var call = worker.Client.BuildIndex(new BuildIndexRequest { CollectionId = id });
        Assert.True(await call.ResponseStream.MoveNext());
        worker.Get<IHostApplicationLifetime>().StopApplication();
        await Refusal.ExpectAsync(ErrorCode.ShuttingDown, "", async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });
    }

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        Assert.True(await watch.ResponseStream.MoveNext().WaitAsync(TimeSpan.FromSeconds(30)));
        return watch.ResponseStream.Current.Status;
    }

    /// <summary>Time stands still for the engine until released: an open as long as the test wants.</summary>
    private sealed class HeldClock : TimeProvider, IDisposable
    {
        private readonly ManualResetEventSlim _released = new();

        public int OpenWaitMs { get; init; } = 50;

        public void Install(WebApplicationBuilder builder)
        {
            builder.Configuration[$"{IndexOptions.Section}:OpenWaitMs"] = OpenWaitMs.ToString();
            builder.Services.AddSingleton(new VectorEngineOptions { Time = this });
        }

        public void Release() => _released.Set();

        public override DateTimeOffset GetUtcNow()
        {
            _released.Wait();
            return System.GetUtcNow();
        }

        public void Dispose()
        {
            _released.Set();
            _released.Dispose();
        }
    }
}
