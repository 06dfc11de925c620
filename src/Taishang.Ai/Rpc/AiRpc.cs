using Grpc.Core;
using Taishang.Ai.Models;
using Taishang.Contracts.Ai.V1;

namespace Taishang.Ai.Rpc;

/// <summary>The service of proto/taishang/ai/v1, in its order; each method goes on to the calls of its noun.</summary>
internal sealed class AiRpc(
    WorkerIdentity identity, EmbeddingModels embeddings, ModelCalls models, ChatCalls chats,
    CollectionCalls collections, RowCalls rows,
    SearchCalls searches, ScrollCalls scrolls, BuildCalls builds, SnapshotCalls snapshots, TaskCalls tasks)
    : AiService.AiServiceBase
{
    public override Task<DescribeWorkerResponse> DescribeWorker(
        DescribeWorkerRequest request, ServerCallContext context) => Task.FromResult(new DescribeWorkerResponse
        {
            WorkerId = identity.WorkerId,
            Version = WorkerIdentity.Version,
            Providers = { embeddings.Providers },
            Engines = { CollectionSpecs.EmbeddedEngine },
            IndexTypes = { IndexTypes.All },
            TaskTypes = { tasks.Types },
        });

    public override Task<ComputeEmbeddingResponse> ComputeEmbedding(
        ComputeEmbeddingRequest request, ServerCallContext context) =>
        models.EmbedAsync(request, context.CancellationToken);

    public override Task<InferenceModelResponse> InferenceModel(
        InferenceModelRequest request, ServerCallContext context) =>
        models.InferAsync(request, context.CancellationToken);

    public override Task Chat(
        ChatRequest request, IServerStreamWriter<ChatEvent> responseStream, ServerCallContext context) =>
        chats.ChatAsync(request, responseStream, context.CancellationToken);

    public override Task<TestModelResponse> TestModel(TestModelRequest request, ServerCallContext context) =>
        models.TestAsync(request, context.CancellationToken);

    public override Task<CreateCollectionResponse> CreateCollection(
        CreateCollectionRequest request, ServerCallContext context) =>
        collections.CreateAsync(request, context.CancellationToken);

    public override Task<UpdateCollectionResponse> UpdateCollection(
        UpdateCollectionRequest request, ServerCallContext context) =>
        collections.UpdateAsync(request, context.CancellationToken);

    public override Task<DropCollectionResponse> DropCollection(
        DropCollectionRequest request, ServerCallContext context) =>
        collections.DropAsync(request, context.CancellationToken);

    public override Task<DescribeCollectionResponse> DescribeCollection(
        DescribeCollectionRequest request, ServerCallContext context) =>
        collections.DescribeAsync(request, context.CancellationToken);

    public override Task<UpsertVectorsResponse> UpsertVectors(
        UpsertVectorsRequest request, ServerCallContext context) =>
        rows.UpsertAsync(request, context.CancellationToken);

    public override Task<DeleteVectorsResponse> DeleteVectors(
        DeleteVectorsRequest request, ServerCallContext context) =>
        rows.DeleteAsync(request, context.CancellationToken);

    public override Task<GetVectorsResponse> GetVectors(GetVectorsRequest request, ServerCallContext context) =>
        rows.GetAsync(request, context.CancellationToken);

    public override Task<CountVectorsResponse> CountVectors(CountVectorsRequest request, ServerCallContext context) =>
        rows.CountAsync(request, context.CancellationToken);

    public override Task<SearchVectorsResponse> SearchVectors(
        SearchVectorsRequest request, ServerCallContext context) =>
        searches.SearchAsync(request, context.CancellationToken);

    public override Task<ScrollVectorsResponse> ScrollVectors(
        ScrollVectorsRequest request, ServerCallContext context) =>
        scrolls.ScrollAsync(request, context.CancellationToken);

    public override Task BuildIndex(
        BuildIndexRequest request, IServerStreamWriter<BuildIndexProgress> responseStream, ServerCallContext context) =>
        builds.BuildAsync(request, responseStream, context.CancellationToken);

    public override Task<SnapshotInfo> CreateSnapshot(CreateSnapshotRequest request, ServerCallContext context) =>
        snapshots.CreateAsync(request, context.CancellationToken);

    public override Task<ListSnapshotsResponse> ListSnapshots(
        ListSnapshotsRequest request, ServerCallContext context) =>
        snapshots.ListAsync(request);

    public override Task<DeleteSnapshotResponse> DeleteSnapshot(
        DeleteSnapshotRequest request, ServerCallContext context) =>
        snapshots.DeleteAsync(request, context.CancellationToken);

    public override Task<RestoreSnapshotResponse> RestoreSnapshot(
        RestoreSnapshotRequest request, ServerCallContext context) =>
        snapshots.RestoreAsync(request, context.CancellationToken);

    public override Task RunTask(
        RunTaskRequest request, IServerStreamWriter<RunTaskEvent> responseStream, ServerCallContext context) =>
        tasks.RunAsync(request, responseStream, context.CancellationToken);

    public override Task<StopTaskResponse> StopTask(StopTaskRequest request, ServerCallContext context) =>
        Task.FromResult(tasks.Stop(request));
}
