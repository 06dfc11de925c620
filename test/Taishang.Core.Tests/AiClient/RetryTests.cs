using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Core.Tests.AiClient;

public sealed class RetryTests
{
    private static readonly SearchVectorsRequest Search = new() { CollectionId = "c", TopK = 3 };

    [Fact]
    public async Task A_search_that_one_worker_can_not_answer_is_answered_by_the_other()
    {
        await using var broken = await FakeWorker.StartAsync();
        await using var sound = await FakeWorker.StartAsync();
        broken.Before = (_, _) => throw new RpcException(new Status(StatusCode.Unavailable, "leaving"));
        await using var world = await ClientWorld.StartAsync($"{broken.Address},{sound.Address}");

        for (var i = 0; i < 6; i++)
            await world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None);

        Assert.Equal(6, sound.Count("SearchVectors"));
        var records = await world.RecordedAsync();
        Assert.Equal(broken.Count("SearchVectors"), records.Count(r => r.Status == "failed"));
        Assert.NotEqual(0, broken.Count("SearchVectors"));
        Assert.All(records.Where(r => r.Attempt == 2), r => Assert.Equal(sound.Address, r.Address));
    }

    [Fact]
    public async Task A_target_is_tried_again_only_after_the_others_and_attempts_end_at_their_maximum()
    {
        await using var idle = await FakeWorker.StartAsync();
        await using var busy = await FakeWorker.StartAsync();
        var held = new TaskCompletionSource();
        foreach (var worker in (FakeWorker[])[idle, busy])
        {
            worker.Before = (method, _) => method == "CountVectors"
                ? held.Task
                : throw new RpcException(new Status(StatusCode.Unavailable, "leaving"));
        }

        await using var world = await ClientWorld.StartAsync($"{idle.Address},{busy.Address}");
        await world.UntilAsync(pool => pool.ServingIds().Count == 2);
        // Going by load alone, every attempt would go to the idle one.
        var counting = world.Client.CallAsync(
            AiCalls.CountVectors, new CountVectorsRequest(), busy.Id, CancellationToken.None);

        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));
        held.SetResult();
        await counting;

        Assert.Equal(ErrorCodes.AiUnavailable, error.Code);
        Assert.NotNull(error.RetryAfter);
        var attempts = (await world.RecordedAsync()).Where(record => record.Method == "SearchVectors").ToArray();
        Assert.Equal([1, 2, 3, 4], attempts.Select(attempt => attempt.Attempt));
        Assert.Equal(
            [idle.Address, busy.Address, idle.Address, busy.Address], attempts.Select(attempt => attempt.Address));
    }

    [Fact]
    public async Task A_delete_is_never_sent_twice()
    {
        await using var one = await FakeWorker.StartAsync();
        await using var two = await FakeWorker.StartAsync();
        foreach (var worker in (FakeWorker[])[one, two])
            worker.Before = (_, _) => throw new RpcException(new Status(StatusCode.Unavailable, "leaving"));
        await using var world = await ClientWorld.StartAsync($"{one.Address},{two.Address}");

        var error = await Assert.ThrowsAsync<ApiException>(() => world.Client.CallAsync(
            AiCalls.DeleteVectors, new DeleteVectorsRequest { CollectionId = "c" }, null, CancellationToken.None));

        Assert.Equal(ErrorCodes.AiUnavailable, error.Code);
        Assert.Equal(1, one.Count("DeleteVectors") + two.Count("DeleteVectors"));
    }

    [Fact]
    public async Task An_answer_of_the_worker_is_not_asked_for_again()
    {
        await using var worker = await FakeWorker.StartAsync();
        worker.Before = (_, _) => throw Coded(StatusCode.Unavailable, "10014", "disk full");
        await using var world = await ClientWorld.StartAsync(worker.Address);

        var error = await Assert.ThrowsAsync<ApiException>(
            () => world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None));

        Assert.Equal(ErrorCodes.StorageUnavailable, error.Code);
        Assert.Equal("disk full", error.Message);
        Assert.Equal(1, worker.Count("SearchVectors"));
    }

    [Fact]
    public async Task An_upsert_and_an_embedding_batch_above_four_megabytes_pass_and_are_retried()
    {
        await using var worker = await FakeWorker.StartAsync();
        var fails = 2;
        worker.Before = (_, _) => Interlocked.Decrement(ref fails) >= 0
            ? throw new RpcException(new Status(StatusCode.Unavailable, "leaving"))
            : Task.CompletedTask;
        worker.Embed = request =>
        {
            var answer = new ComputeEmbeddingResponse { Dims = 1024 };
            foreach (var _ in request.Texts)
                answer.Embeddings.Add(new Embedding { Values = { Enumerable.Repeat(0.5f, 1024) } });
            return answer;
        };
        await using var world = await ClientWorld.StartAsync(worker.Address);
        var upsert = new UpsertVectorsRequest { CollectionId = "c" };
        for (var i = 0; i < 2_000; i++)
            upsert.Rows.Add(new Row { Id = new() { Integer = i }, Vector = { Enumerable.Repeat(0.25f, 1024) } });

        var written = await world.Client.CallAsync(
            AiCalls.UpsertVectors, upsert, worker.Id, CancellationToken.None);
        Assert.Equal(3, worker.Count("UpsertVectors"));
        Volatile.Write(ref fails, 1);
        var embedded = await world.Client.CallAsync(
            AiCalls.ComputeEmbedding,
            new ComputeEmbeddingRequest { Texts = { Enumerable.Repeat("text", 2_000) } }, null, CancellationToken.None);

        Assert.Equal(2_000, written.Count);
        Assert.Equal(2_000, embedded.Embeddings.Count);
        Assert.Equal(2, worker.Count("ComputeEmbedding"));
        var records = await world.RecordedAsync();
        Assert.All(records, record => Assert.True(record.Request.Length <= 2_000 && record.Response.Length <= 2_000));
    }

    [Fact]
    public async Task A_pause_is_as_long_as_the_worker_asked_for()
    {
        await using var worker = await FakeWorker.StartAsync();
        var fails = 1;
        worker.Before = (_, _) => Interlocked.Decrement(ref fails) >= 0
            ? throw new RpcException(
                new Status(StatusCode.Unavailable, "leaving"), new Metadata { { "grpc-retry-pushback-ms", "300" } })
            : Task.CompletedTask;
        await using var world = await ClientWorld.StartAsync(worker.Address);

        await world.Client.CallAsync(AiCalls.SearchVectors, Search, null, CancellationToken.None);

        var records = await world.RecordedAsync();
        Assert.Equal(2, records.Count);
        Assert.True(records[1].CreatedAt - records[0].CreatedAt >= TimeSpan.FromMilliseconds(295));
    }

    internal static RpcException Coded(StatusCode status, string code, string detail, byte[]? errors = null)
    {
        var trailers = new Metadata { { "taishang-code", code } };
        if (errors is not null) trailers.Add("taishang-errors-bin", errors);
        return new RpcException(new Status(status, detail), trailers);
    }
}
