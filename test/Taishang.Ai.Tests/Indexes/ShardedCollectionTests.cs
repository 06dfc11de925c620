using Google.Protobuf;
using Taishang.Ai.Tests.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Indexes;

public sealed class ShardedCollectionTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_collection_of_shards_is_written_searched_built_and_found_again_after_a_restart()
    {
        var spec = new CollectionSpec
        {
            Dims = 1,
            Metric = Metric.L2,
            IndexType = IndexType.Hnsw,
            Shards = 3,
        };
        var id = Guid.CreateVersion7().ToString("D");
        await using (var worker = await WorkerHost.StartAsync(_folder.Path))
        {
            var create = new CreateCollectionRequest { CollectionId = id, Spec = spec };
            await worker.Client.CreateCollectionAsync(create);
            await worker.Client.CreateCollectionAsync(create);
            await worker.UpsertAsync(id, [.. Enumerable.Range(0, 100).Select(i => WorkerHost.Row(
                $"r{i:D2}", [i], $$"""{"g":{{i % 7}}}"""))]);
            var built = worker.Client.BuildIndex(new BuildIndexRequest { CollectionId = id });
            var last = new BuildIndexProgress();
            while (await built.ResponseStream.MoveNext(CancellationToken.None)) last = built.ResponseStream.Current;
            Assert.Equal((true, 100L), (last.Done, last.IndexedRows));
            create.Spec.Shards = 2;
            await Refusal.ExpectAsync(
                ErrorCode.CollectionExists, "collection_id",
                async () => await worker.Client.CreateCollectionAsync(create));
            create.CollectionId = Guid.CreateVersion7().ToString("D");
            create.Spec.Shards = 65;
            await Refusal.ExpectAsync(
                ErrorCode.CollectionParameterInvalid, "spec.shards",
                async () => await worker.Client.CreateCollectionAsync(create));
        }

        await using (var worker = await WorkerHost.StartAsync(_folder.Path))
        {
            var request = WorkerHost.Question(id, [20.1f], 3);
            request.Queries.Add(new QueryVector { Values = { 98.9f } });
            var found = await worker.Client.SearchVectorsAsync(request);
            Assert.Equal(["r20", "r21", "r19"], found.Answers[0].Hits_.Select(hit => hit.Id.Text));
            Assert.Equal(["r99", "r98", "r97"], found.Answers[1].Hits_.Select(hit => hit.Id.Text));
            request.GroupBy = "g";
            var groups = (await worker.Client.SearchVectorsAsync(request)).Answers[0].Groups;
            Assert.Equal(["6", "0", "5"], groups.Select(group => group.ValueJson.ToStringUtf8()));
            var scroll = await worker.Client.ScrollVectorsAsync(
                new ScrollVectorsRequest { CollectionId = id, Limit = 1000 });
            Assert.Equal(100, scroll.Rows.Select(row => row.Id.Text).Distinct().Count());
            var described = await worker.Client.DescribeCollectionAsync(
                new DescribeCollectionRequest { CollectionId = id });
            Assert.Equal((3, 100L, 100L), (described.Spec.Shards, described.LiveRows, described.IndexedRows));
            var deleted = await worker.Client.DeleteVectorsAsync(new DeleteVectorsRequest
            {
                CollectionId = id,
                FilterJson = ByteString.CopyFromUtf8("""{"g":3}"""),
            });
            Assert.Equal(14, deleted.Count);
            Assert.Equal(86, await worker.CountAsync(id));
            Assert.True((await worker.Client.DropCollectionAsync(
                new DropCollectionRequest { CollectionId = id })).Existed);
        }
    }
}
