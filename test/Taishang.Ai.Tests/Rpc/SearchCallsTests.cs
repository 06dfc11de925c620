using Google.Protobuf;
using Grpc.Core;
using Taishang.Ai.Indexes;
using Taishang.Ai.Rpc;
using Taishang.Contracts.Ai.V1;
using Taishang.Testing.Processes;

namespace Taishang.Ai.Tests.Rpc;

public sealed class SearchCallsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_batch_gets_one_answer_a_query_in_order_with_distances_scores_and_engine_time()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(
            id, WorkerHost.Row("near", [0, 0, 0], """{"k":1}"""), WorkerHost.Row("far", [3, 4, 0], """{"k":2}"""));
        var request = WorkerHost.Question(id, [0, 0, 0], 2);
        request.Queries.Add(new QueryVector { Values = { 3f, 4f, 0f } });
        request.IncludeMetadata = true;
        request.IncludeVector = true;
        var answer = await worker.Client.SearchVectorsAsync(request);

        Assert.Equal(2, answer.Answers.Count);
        Assert.Equal(["near", "far"], answer.Answers[0].Hits_.Select(hit => hit.Id.Text));
        Assert.Equal(["far", "near"], answer.Answers[1].Hits_.Select(hit => hit.Id.Text));
        var far = answer.Answers[0].Hits_[1];
        Assert.Equal(5f, far.Distance, 1e-5f);
        Assert.Equal(1f / 6, far.Score, 1e-5f);
        Assert.Equal("""{"k":2}""", far.MetadataJson.ToStringUtf8());
        Assert.Equal([3f, 4f, 0f], far.Vector);
        Assert.True(answer.EngineMicroseconds > 0);
    }

    [Fact]
    public async Task Filter_offset_and_threshold_narrow_the_hits()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(1);
        await worker.UpsertAsync(id, [.. Enumerable.Range(0, 10).Select(i => WorkerHost.Row(
            $"r{i}", [i], $$"""{"even":{{(i % 2 == 0 ? "true" : "false")}}}"""))]);
        var request = WorkerHost.Question(id, [0], 3);
        request.FilterJson = ByteString.CopyFromUtf8("""{"even":true}""");
        request.Offset = 1;
        Assert.Equal(
            ["r2", "r4", "r6"],
            (await worker.Client.SearchVectorsAsync(request)).Answers[0].Hits_.Select(hit => hit.Id.Text));
        request.ScoreThreshold = 1f / 4;
        Assert.Equal(
            ["r2"], (await worker.Client.SearchVectorsAsync(request)).Answers[0].Hits_.Select(hit => hit.Id.Text));
    }

    [Fact]
    public async Task What_breaks_a_rule_is_refused_by_its_field()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(3, Metric.Cosine);
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]));
        async Task RefusedAsync(ErrorCode code, string field, Action<SearchVectorsRequest> spoil)
        {
            var request = WorkerHost.Question(id, [1, 2, 3]);
            spoil(request);
            await Refusal.ExpectAsync(code, field, async () => await worker.Client.SearchVectorsAsync(request));
        }

        await RefusedAsync(ErrorCode.InvalidArgument, "queries", request => request.Queries.Clear());
        await RefusedAsync(ErrorCode.InvalidArgument, "top_k", request => request.TopK = 0);
        await RefusedAsync(ErrorCode.InvalidArgument, "top_k", request => request.TopK = 16_385);
        await RefusedAsync(ErrorCode.InvalidArgument, "offset", request => request.Offset = -1);
        await RefusedAsync(ErrorCode.InvalidArgument, "ef", request => request.Ef = 16_385);
        await RefusedAsync(ErrorCode.InvalidArgument, "nprobe", request => request.Nprobe = -1);
        await RefusedAsync(ErrorCode.InvalidArgument, "score_threshold", request => request.ScoreThreshold = float.NaN);
        await RefusedAsync(
            ErrorCode.FilterInvalid, "filter", request => request.FilterJson = ByteString.CopyFromUtf8("[]"));
        await RefusedAsync(ErrorCode.DimensionMismatch, "queries[1]",
            request => request.Queries.Add(new QueryVector { Values = { 1f } }));
        await RefusedAsync(ErrorCode.VectorNotFinite, "queries[1]",
            request => request.Queries.Add(new QueryVector { Values = { 1f, float.PositiveInfinity, 1f } }));
        await RefusedAsync(ErrorCode.ZeroVector, "queries[1]",
            request => request.Queries.Add(new QueryVector { Values = { 0f, 0f, 0f } }));
        await RefusedAsync(ErrorCode.CollectionNotFound, "collection_id",
            request => request.CollectionId = Guid.CreateVersion7().ToString("D"));
        await RefusedAsync(ErrorCode.InvalidArgument, "queries × top_k", request =>
        {
            request.TopK = 16_384;
            for (var i = 0; i < 100; i++) request.Queries.Add(request.Queries[0]);
        });
    }

    [Fact]
    public async Task An_answer_that_would_not_fit_is_refused_before_it_is_made()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path);
        var id = await worker.CreateAsync(8_192);
        var request = WorkerHost.Question(id, new float[8_192], 16_384);
        request.IncludeVector = true;
        await Refusal.ExpectAsync(
            ErrorCode.InvalidArgument, "top_k", async () => await worker.Client.SearchVectorsAsync(request));
    }

    [Fact]
    public async Task More_searches_than_run_and_wait_are_refused_and_room_is_used_again()
    {
        await using var worker = await WorkerHost.StartAsync(_folder.Path, builder =>
        {
            builder.Configuration["Taishang:Ai:Indexes:SearchesMax"] = "1";
            builder.Configuration["Taishang:Ai:Indexes:SearchQueueMax"] = "1";
        });
        var id = await worker.CreateAsync();
        await worker.UpsertAsync(id, WorkerHost.Row("a", [1, 2, 3]));

        var gate = worker.Get<CallGates>().Searches;
        var place = await gate.EnterAsync(CancellationToken.None);
        var waiting = gate.EnterAsync(CancellationToken.None);
        Assert.Equal(1, gate.WaitingCount);
        var refusal = await Refusal.ExpectAsync(ErrorCode.Overloaded, "", () => worker.SearchAsync(id, [1, 2, 3]));
        Assert.Equal(StatusCode.ResourceExhausted, refusal.StatusCode);
        Assert.NotNull(refusal.Trailers.GetValue(WorkerErrors.RetryAfterTrailer));

        place.Dispose();
        (await waiting).Dispose();
        Assert.Single((await worker.SearchAsync(id, [1, 2, 3])).Hits_);
    }

    [Fact]
    public async Task A_waiting_search_ends_with_its_deadline()
    {
        await using var worker = await WorkerHost.StartAsync(
            _folder.Path, builder => builder.Configuration["Taishang:Ai:Indexes:SearchesMax"] = "1");
        var id = await worker.CreateAsync();
        using var place = await worker.Get<CallGates>().Searches.EnterAsync(CancellationToken.None);
        var late = await Assert.ThrowsAsync<RpcException>(async () => await worker.Client.SearchVectorsAsync(
            WorkerHost.Question(id, [1, 2, 3]),
            deadline: TimeProvider.System.GetUtcNow().UtcDateTime.AddMilliseconds(200)));
        Assert.Equal(StatusCode.DeadlineExceeded, late.StatusCode);
    }
}
