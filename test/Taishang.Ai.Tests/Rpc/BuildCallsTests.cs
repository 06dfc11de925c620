using Grpc.Core;
using Taishang.Ai.Indexes;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class BuildCallsTests : IDisposable
{
    private const int Dims = 64;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_compaction_leaves_no_dead_row_and_a_rebuild_none_of_the_old_index()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(Dims, Metric.L2, IndexType.Hnsw);
        await worker.UpsertAsync(id, WorkerHost.RandomRows(1_000, Dims, seed: 5));
        await BuildAsync(worker, id);
        await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
        {
            CollectionId = id,
            Ids = { new RowId { Text = "r1" } },
        });

        await BuildAsync(worker, id);
        Assert.Equal(1, await DeadAsync(worker, id));
        var compacted = await BuildAsync(worker, id, IndexWork.Compact);
        Assert.Equal((0, 999), (await DeadAsync(worker, id), compacted[^1].IndexedRows));
        var rebuilt = await BuildAsync(worker, id, IndexWork.Rebuild);
        Assert.Equal((0, 999), (await DeadAsync(worker, id), rebuilt[^1].IndexedRows));
        var refused = await Assert.ThrowsAsync<RpcException>(() => BuildAsync(worker, id, (IndexWork)9));
        Assert.Equal(StatusCode.InvalidArgument, refused.StatusCode);
    }

    [Fact]
    public async Task A_build_streams_growing_shares_and_ends_with_the_covered_rows()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(Dims, Metric.L2, IndexType.Hnsw);
        await worker.UpsertAsync(id, WorkerHost.RandomRows(3_000, Dims, seed: 5));
        var progress = await BuildAsync(worker, id);

        Assert.All(progress.SkipLast(1), step => Assert.False(step.Done));
        Assert.Equal(progress.Select(step => step.Fraction).Order(), progress.Select(step => step.Fraction));
        var last = progress[^1];
        Assert.True(last.Done);
        Assert.Equal(1, last.Fraction);
        Assert.Equal(3_000, last.IndexedRows);
        Assert.True(last.BuildSeconds > 0);

        var question = WorkerHost.RandomRows(3_000, Dims, seed: 5)[17];
        Assert.Equal("r17", (await worker.SearchAsync(id, [.. question.Vector], 1)).Hits_[0].Id.Text);
    }

    [Fact]
    public async Task A_caller_that_leaves_cancels_its_build_and_the_next_one_finishes()
    {
        await using var worker = await WorkerHost.StartWithOneBuilderAsync(_folder.Path);
        var id = await worker.CreateSlowToBuildAsync();
        using var leaving = new CancellationTokenSource();
        using var call = worker.Client.BuildIndex(
            new BuildIndexRequest { CollectionId = id }, cancellationToken: leaving.Token);
        Assert.True(await call.ResponseStream.MoveNext());
        await leaving.CancelAsync();
        var ended = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });
        Assert.Equal(StatusCode.Cancelled, ended.StatusCode);
        var description = await worker.Client.DescribeCollectionAsync(
            new DescribeCollectionRequest { CollectionId = id });
        Assert.True(description.IndexedRows < WorkerHost.SlowRows);

        var progress = await BuildAsync(worker, id);
        Assert.Equal(WorkerHost.SlowRows, progress[^1].IndexedRows);
    }

    [Fact]
    public async Task A_drop_ends_a_running_build_as_not_found()
    {
        await using var worker = await WorkerHost.StartWithOneBuilderAsync(_folder.Path);
        var id = await worker.CreateSlowToBuildAsync();
        using var call = worker.Client.BuildIndex(new BuildIndexRequest { CollectionId = id });
        Assert.True(await call.ResponseStream.MoveNext());
        await worker.Client.DropCollectionAsync(new DropCollectionRequest { CollectionId = id });
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });
    }

    [Fact]
    public async Task Builds_beyond_the_queue_are_refused()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:BuildQueueMax"] = "0");
        var id = await worker.CreateAsync(Dims, Metric.L2, IndexType.Hnsw);
        using var place = await worker.Get<CallGates>().Builds.EnterAsync(CancellationToken.None);
        await Refusal.ExpectAsync(ErrorCode.Overloaded, "", () => BuildAsync(worker, id));
    }

    [Fact]
    public async Task A_build_of_nothing_that_exists_is_not_found()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await Refusal.ExpectAsync(
            ErrorCode.CollectionNotFound, "collection_id",
            () => BuildAsync(worker, Guid.CreateVersion7().ToString("D")));
    }

    private static async Task<long> DeadAsync(WorkerHost worker, string id) =>
        (await worker.Client.DescribeCollectionAsync(new DescribeCollectionRequest { CollectionId = id })).DeadRows;

    private static async Task<List<BuildIndexProgress>> BuildAsync(
        WorkerHost worker, string id, IndexWork work = IndexWork.Unspecified)
    {
        using var call = worker.Client.BuildIndex(
            new BuildIndexRequest { CollectionId = id, Work = work },
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMinutes(1));
        var progress = new List<BuildIndexProgress>();
        await foreach (var step in call.ResponseStream.ReadAllAsync()) progress.Add(step);
        return progress;
    }
}
