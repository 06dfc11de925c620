using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class CollectionCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_worker_describes_itself_and_keeps_its_id_over_restarts()
    {
        string id;
        await using (var first = await WorkerHost.StartAsync(_folder.Path))
        {
            var description = await first.Client.DescribeWorkerAsync(new DescribeWorkerRequest());
            id = description.WorkerId;
            Assert.True(Guid.TryParseExact(id, "D", out _));
            Assert.Equal(["builtin", "onnx", "openai", "remote"], description.Providers);
            Assert.Equal(["embedded"], description.Engines);
            Assert.Equal(
                [IndexType.Flat, IndexType.Hnsw, IndexType.IvfFlat, IndexType.IvfSq8, IndexType.Auto],
                description.IndexTypes);
            Assert.Equal(WorkerIdentity.Version, description.Version);
        }

        await using var second = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(id, (await second.Client.DescribeWorkerAsync(new DescribeWorkerRequest())).WorkerId);
    }

    [Fact]
    public async Task A_damaged_worker_id_stops_the_start_instead_of_making_a_new_worker()
    {
        await File.WriteAllTextAsync(_folder.File(WorkerIdentity.FileName), "not a uuid");
        var refusal = await Assert.ThrowsAsync<InvalidDataException>(() => WorkerHost.StartAsync(_folder.Path));
        Assert.Contains("holds no UUID", refusal.Message);
    }

    [Fact]
    public async Task A_collection_is_created_once_however_often_it_is_asked_for()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = Guid.CreateVersion7().ToString("D");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => worker.CreateAsync(3, id: id)));
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]));
        await worker.CreateAsync(3, id: id);
        Assert.Equal(1, await worker.CountAsync(id));
        await Refusal.ExpectAsync(ErrorCode.CollectionExists, "collection_id", () => worker.CreateAsync(4, id: id));
    }

    [Fact]
    public async Task A_description_tells_the_spec_with_defaults_and_the_rows()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(3, Metric.Cosine, IndexType.Hnsw);
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]), WorkerHost.Row("b", [3, 2, 1]));
        await worker.Client.DeleteVectorsAsync(
            new DeleteVectorsRequest { CollectionId = id, Ids = { new RowId { Text = "a" } } });
        var description = await worker.Client.DescribeCollectionAsync(
            new DescribeCollectionRequest { CollectionId = id });
        Assert.Equal(
            new CollectionSpec
            {
                Dims = 3,
                Metric = Metric.Cosine,
                IndexType = IndexType.Hnsw,
                Connectivity = 16,
                EfConstruction = 200,
                EfSearch = 64,
                Compression = Compression.None,
                Rerank = Rerank.Float32,
                Engine = "embedded",
                Shards = 1,
            },
            description.Spec);
        Assert.Equal(1, description.LiveRows);
        Assert.Equal(1, description.DeadRows);
        Assert.True(description.DiskBytes > 0);
        Assert.True(description.MemoryBytes > 0);
        Assert.Empty(description.RecoveryNotes);
    }

    [Fact]
    public async Task A_description_tells_what_an_automatic_index_is_now_and_what_it_costs()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(8, Metric.Cosine, IndexType.Auto);
        await worker.UpsertAsync(id, WorkerHost.RandomRows(20, 8, seed: 1));
        var description = await worker.Client.DescribeCollectionAsync(
            new DescribeCollectionRequest { CollectionId = id });

        Assert.Equal(IndexType.Auto, description.Spec.IndexType);
        Assert.Equal(IndexType.Flat, description.Index.IndexType);
        Assert.Contains("20 rows: a scan reads", description.Index.Reason);
        Assert.Equal(20, description.IndexedRows);
        Assert.Equal(8 * sizeof(float), description.Index.BytesPerVector);
        Assert.Equal(20 * 8 * sizeof(float), description.Index.FloatBytes);
    }

    [Fact]
    public async Task An_update_changes_what_it_names_and_keeps_the_rest()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        async Task<CollectionSpec> UpdateAsync(int efSearch, long ttl)
        {
            await worker.Client.UpdateCollectionAsync(
                new UpdateCollectionRequest { CollectionId = id, EfSearch = efSearch, TtlSeconds = ttl });
            return (await worker.Client.DescribeCollectionAsync(
                new DescribeCollectionRequest { CollectionId = id })).Spec;
        }

        var changed = await UpdateAsync(77, 3600);
        Assert.Equal((77, 3600), (changed.EfSearch, changed.TtlSeconds));
        changed = await UpdateAsync(0, 0);
        Assert.Equal((77, 3600), (changed.EfSearch, changed.TtlSeconds));
        changed = await UpdateAsync(0, -1);
        Assert.Equal((77, 0), (changed.EfSearch, changed.TtlSeconds));
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "ttl_seconds", () => UpdateAsync(0, -2));
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "ef_search", () => UpdateAsync(100_000, 0));
    }

    [Fact]
    public async Task A_dropped_collection_is_gone_from_memory_and_disk_and_dropping_again_succeeds()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]));
        var request = new DropCollectionRequest { CollectionId = id };
        Assert.True((await worker.Client.DropCollectionAsync(request)).Existed);
        Assert.False((await worker.Client.DropCollectionAsync(request)).Existed);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("vectors")));
        await Refusal.ExpectAsync(ErrorCode.CollectionNotFound, "collection_id", () => worker.CountAsync(id));
    }

    [Fact]
    public async Task Rows_deletes_and_settings_survive_a_restart()
    {
        string id;
        await using (var first = await WorkerHost.StartAsync(_folder.Path))
        {
            id = await first.CreateAsync(8, Metric.L2, IndexType.Hnsw);
            await first.UpsertAsync(id, WorkerHost.RandomRows(200, 8, seed: 1));
            await first.Client.DeleteVectorsAsync(
                new DeleteVectorsRequest { CollectionId = id, Ids = { new RowId { Text = "r0" } } });
        }

        await using var second = await WorkerHost.StartAsync(_folder.Path);
        Assert.Equal(199, await second.CountAsync(id));
        var wanted = WorkerHost.RandomRows(200, 8, seed: 1)[7];
        var hits = await second.SearchAsync(id, [.. wanted.Vector], topK: 1);
        Assert.Equal("r7", Assert.Single(hits.Hits_).Id.Text);
    }

    [Theory]
    [InlineData("")]
    [InlineData("../../../../etc/passwd-0000-000000000000")]
    [InlineData("0198f1c2a5b07b3c8d4e5f60718293a4")]
    [InlineData("{0198f1c2-a5b0-7b3c-8d4e-5f60718293a4}")]
    public async Task An_id_that_is_no_uuid_is_refused_before_it_is_a_path(string id)
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "collection_id", () => worker.CreateAsync(id: id));
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "collection_id", () => worker.CountAsync(id));
        await Refusal.ExpectAsync(ErrorCode.InvalidArgument, "collection_id",
            async () => await worker.Client.DropCollectionAsync(new DropCollectionRequest { CollectionId = id }));
    }

    public static TheoryData<string, CollectionSpec> BadSpecs() => new()
    {
        { "spec.dims", Spec(spec => spec.Dims = 0) },
        { "spec.dims", Spec(spec => spec.Dims = 32_769) },
        { "spec.metric", Spec(spec => spec.Metric = Metric.Unspecified) },
        { "spec.index_type", Spec(spec => spec.IndexType = (IndexType)99) },
        { "spec.connectivity", Spec(spec => spec.Connectivity = 1) },
        { "spec.ef_construction", Spec(spec => spec.EfConstruction = 9_999) },
        { "spec.ef_search", Spec(spec => spec.EfSearch = -1) },
        { "spec.nlist", Spec(spec => spec.Nlist = 65_537) },
        { "spec.nprobe", Spec(spec => spec.Nprobe = -1) },
        { "spec.compression", Spec(spec => spec.Compression = (Compression)99) },
        { "spec.rerank", Spec(spec => spec.Rerank = (Rerank)4) },
        { "spec.ttl_seconds", Spec(spec => spec.TtlSeconds = -5) },
        { "spec.engine", Spec(spec => spec.Engine = "faiss") },
    };

    private static CollectionSpec Spec(Action<CollectionSpec> spoil)
    {
        var spec = new CollectionSpec { Dims = 3, Metric = Metric.L2, IndexType = IndexType.Hnsw };
        spoil(spec);
        return spec;
    }

    [Theory]
    [MemberData(nameof(BadSpecs))]
    public async Task A_bad_spec_is_refused_by_its_field(string field, CollectionSpec spec)
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = Guid.CreateVersion7().ToString("D");
        await Refusal.ExpectAsync(
            ErrorCode.CollectionParameterInvalid, field,
            async () => await worker.Client.CreateCollectionAsync(
                new CreateCollectionRequest { CollectionId = id, Spec = spec }));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.File("vectors")));
    }
}
