using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Health.V1;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Testing.Processes;

namespace Taishang.Core.Tests.AiClient;

public sealed class WorkerPoolTests
{
    private static readonly SearchVectorsRequest Search = new() { CollectionId = "c", TopK = 3 };

    [Fact]
    public async Task Calls_go_to_the_worker_with_the_fewest_under_way_and_take_turns_on_ties()
    {
        await using var slow = await FakeWorker.StartAsync();
        await using var quick = await FakeWorker.StartAsync();
        var release = new TaskCompletionSource();
        slow.Before = (_, _) => release.Task;
        await using var world = await ClientWorld.StartAsync($"{slow.Address},{quick.Address}");

        var held = new List<Task>();
        while (slow.Count("SearchVectors") == 0)
        {
            var call = CallAsync(world, null);
            held.Add(call);
            await Task.WhenAny(call, UntilArrivedAsync(slow));
        }

        for (var i = 0; i < 20; i++) await CallAsync(world, null);
        Assert.Equal(1, slow.Count("SearchVectors"));
        release.SetResult();
        await Task.WhenAll(held);

        slow.Before = (_, _) => Task.CompletedTask;
        slow.Calls.Clear();
        quick.Calls.Clear();
        for (var i = 0; i < 20; i++) await CallAsync(world, null);
        Assert.Equal((10, 10), (slow.Count("SearchVectors"), quick.Count("SearchVectors")));
    }

    [Fact]
    public async Task A_collection_is_asked_for_only_where_it_lives()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync($"{one.Address},{two.Address}");

        for (var i = 0; i < 5; i++) await CallAsync(world, one.Id);
        for (var i = 0; i < 3; i++) await CallAsync(world, two.Id);
        Assert.Equal((5, 3), (one.Count("SearchVectors"), two.Count("SearchVectors")));

        await one.KillAsync();
        var error = await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, one.Id));
        Assert.Equal(ErrorCodes.AiWorkerMissing, error.Code);
        Assert.Equal(503, error.Code.HttpStatus);
        Assert.Equal(3, two.Count("SearchVectors"));
        await CallAsync(world, two.Id);
        var unknown = await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, Guid.NewGuid().ToString()));
        Assert.Equal(ErrorCodes.AiWorkerMissing, unknown.Code);
        Assert.Equal("", (await world.RecordedAsync())[^1].Address);
    }

    [Fact]
    public async Task A_worker_that_restarts_on_its_port_is_found_again()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(
            worker.Address, new() { ["Ai:HealthIntervalMs"] = "60000" });
        for (var round = 0; round < 3; round++)
        {
            await CallAsync(world, worker.Id);
            await worker.KillAsync();
            await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, null));
            await worker.RestartAsync();
            // Health checks are a minute apart here: the call itself looks again.
            await CallAsync(world, worker.Id);
        }

        Assert.True(world.Client.AnyServing);
    }

    [Fact]
    public async Task A_restart_between_two_calls_is_not_seen_by_the_caller()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(worker.Address);
        await CallAsync(world, worker.Id);
        await worker.KillAsync();
        await worker.RestartAsync();

        await CallAsync(world, worker.Id);

        Assert.Equal(2, worker.Count("SearchVectors"));
    }

    [Fact]
    public async Task Another_worker_at_the_same_address_does_not_answer_for_the_first()
    {
        await using var worker = await FakeWorker.StartAsync();
        var first = worker.Id;
        await using var world = await ClientWorld.StartAsync(
            worker.Address, new() { ["Ai:HealthIntervalMs"] = "60000" });
        await CallAsync(world, first);
        await worker.KillAsync();
        worker.Id = Guid.CreateVersion7().ToString();
        worker.Search = _ => throw RetryTests.Coded(Grpc.Core.StatusCode.NotFound, "30001", "no such collection");
        await worker.RestartAsync();

        var error = await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, first));

        Assert.Equal(ErrorCodes.AiWorkerMissing, error.Code);
        var own = await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, worker.Id));
        Assert.Equal(ErrorCodes.CollectionNotFound, own.Code);
    }

    [Fact]
    public async Task A_worker_that_reports_itself_unhealthy_gets_no_calls_until_it_is_well()
    {
        await using var ill = await FakeWorker.StartAsync();
        await using var well = await FakeWorker.StartAsync();
        ill.Health = HealthCheckResponse.Types.ServingStatus.NotServing;
        await using var world = await ClientWorld.StartAsync($"{ill.Address},{well.Address}");
        for (var i = 0; i < 6; i++) await CallAsync(world, null);
        Assert.Equal(0, ill.Count("SearchVectors"));

        ill.Health = HealthCheckResponse.Types.ServingStatus.Serving;
        await world.UntilAsync(pool => pool.ServingIds().Count == 2);
        for (var i = 0; i < 6; i++) await CallAsync(world, null);

        Assert.Equal(3, ill.Count("SearchVectors"));
    }

    [Fact]
    public async Task A_worker_that_is_late_with_its_health_keeps_its_calls_while_it_answers_them()
    {
        await using var worker = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync(
            worker.Address, new() { ["Ai:HealthIntervalMs"] = "60000" });
        await world.UntilAsync(pool => pool.AnyServing);
        // What a look sees whose deadline passed; a real wait would make the machine's load part of the test.
        worker.BeforeHealth = _ => throw new RpcException(new Status(StatusCode.DeadlineExceeded, "late"));
        for (var i = 0; i < 4; i++)
        {
            await world.Pool.ProbeAllAsync();
            await world.Pool.ProbeAllAsync();
            Assert.True(world.Client.AnyServing);
            await CallAsync(world, worker.Id);
        }

        for (var i = 0; i < 3; i++) await world.Pool.ProbeAllAsync();
        Assert.False(world.Client.AnyServing);
        worker.BeforeHealth = _ => Task.CompletedTask;
        await CallAsync(world, worker.Id);
        Assert.True(world.Client.AnyServing);
    }

    [Fact]
    public async Task A_socket_that_accepts_and_says_nothing_hinders_nobody()
    {
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        await using var worker = await FakeWorker.StartAsync();
        var address = $"http://127.0.0.1:{((IPEndPoint)silent.LocalEndpoint).Port}";
        await using var world = await ClientWorld.StartAsync(
            $"{address},{worker.Address}", new() { ["Ai:HealthTimeoutMs"] = "200" });

        for (var i = 0; i < 6; i++) await CallAsync(world, null);

        Assert.Equal(6, worker.Count("SearchVectors"));
        Assert.All(await world.RecordedAsync(), record => Assert.Equal("success", record.Status));
    }

    [Fact]
    public async Task With_no_worker_at_all_a_call_fails_with_503_and_is_recorded_once()
    {
        await using var world = await ClientWorld.StartAsync($"http://127.0.0.1:{LoopbackPort.Free()}");

        var error = await Assert.ThrowsAsync<ApiException>(() => CallAsync(world, null));

        Assert.Equal((90001, 503), (error.Code.Number, error.Code.HttpStatus));
        Assert.NotNull(error.RetryAfter);
        Assert.False(world.Client.AnyServing);
        var record = Assert.Single(await world.RecordedAsync());
        Assert.Equal(("failed", 90001, ""), (record.Status, record.ErrorCode, record.Address));
    }

    [Fact]
    public async Task A_worker_behind_a_unix_socket_is_called()
    {
        var folder = Directory.CreateTempSubdirectory("taishang-test-").FullName;
        try
        {
            var socket = Path.Combine(folder, "ai.sock");
            await using var worker = await FakeWorker.StartAsync(socket: socket);
            await using var world = await ClientWorld.StartAsync($"unix://{socket}");
            await CallAsync(world, worker.Id);
            Assert.Equal(1, worker.Count("SearchVectors"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task A_new_collection_goes_to_the_worker_that_has_the_fewest()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        await using var three = await FakeWorker.StartAsync();
        await using var world = await ClientWorld.StartAsync($"{one.Address},{two.Address},{three.Address}");
        await AddCollectionsAsync(world, one.Id, 3);
        await AddCollectionsAsync(world, two.Id, 1);
        await AddCollectionsAsync(world, three.Id, 2);
        Assert.Equal(two.Id, await world.Client.ChooseWorkerAsync(CancellationToken.None));

        await AddCollectionsAsync(world, two.Id, 2);
        var chosen = new[]
        {
            await world.Client.ChooseWorkerAsync(CancellationToken.None),
            await world.Client.ChooseWorkerAsync(CancellationToken.None),
        };
        Assert.Equal([three.Id, three.Id], chosen);
        await three.KillAsync();
        await world.UntilAsync(pool => pool.ServingIds().Count == 2);
        var ties = new HashSet<string>();
        for (var i = 0; i < 4; i++) ties.Add(await world.Client.ChooseWorkerAsync(CancellationToken.None));
        Assert.Equal(2, ties.Count);
    }

    private static Task<SearchVectorsResponse> CallAsync(ClientWorld world, string? workerId) =>
        world.Client.CallAsync(AiCalls.SearchVectors, Search, workerId, CancellationToken.None);

    private static async Task UntilArrivedAsync(FakeWorker worker)
    {
        using var late = new CancellationTokenSource(ClientWorld.Patience);
        while (worker.Count("SearchVectors") == 0) await Task.Delay(1, late.Token);
    }

    private static Task AddCollectionsAsync(ClientWorld world, string workerId, int count) =>
        world.Database.WriteAsync(
            async session =>
            {
                for (var i = 0; i < count; i++)
                {
                    var now = TimeProvider.System.GetUtcNow();
                    await session.ExecuteAsync(
                        """
                        INSERT INTO tai_vector_collections
                            (id, name, dims, index_type, worker_id, created_at, updated_at)
                        VALUES (@id, @id, 4, 'FLAT', @workerId, @now, @now)
                        """,
                        new { id = Core.Data.RowId.New(now), workerId, now });
                }
            },
            CancellationToken.None);
}
