using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Tasks;

namespace Taishang.Core.AiClient;

/// <summary>
/// The only way from core to ai. Chooses a worker, sets deadline and trace context, retries idempotent calls, records
/// every call in tai_service_calls, and turns gRPC status plus the trailer's code into an 
/// <see cref="Api.ApiException"/>.
/// </summary>
public interface IAiClient
{
    /// <summary>Calls any healthy worker (models, embeddings), or the one that holds a collection.</summary>
    /// <param name="call">Method, deadline and whether it may be retried; a static of <see cref="AiCalls"/>.</param>
    /// <param name="workerId">The worker whose disk holds the collection; null for any.</param>
    Task<TResponse> CallAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, TRequest request, string? workerId, CancellationToken cancellation)
        where TRequest : class
        where TResponse : class;

    /// <summary>Builds an index, reporting progress; never retried here, the task behind it is.</summary>
    Task<BuildIndexProgress> BuildIndexAsync(
        BuildIndexRequest request, string? workerId, IProgress<BuildIndexProgress> progress,
        CancellationToken cancellation);

    /// <summary>
    /// Runs one attempt of a task on a worker that has its type, for as long as that takes; never retried here.
    /// </summary>
    /// <param name="request">Its time limit is the call's deadline, less a moment in which the caller's own comes
    /// first.</param>
    /// <param name="onEvent">Given each event in its order; the next is read when it is done.</param>
    /// <param name="stop">Asks the attempt to let go at the end of its step.</param>
    /// <returns>The last event: a result, a failure, or that the attempt let go.</returns>
    /// <exception cref="ApiException">The worker refused, or is lost.</exception>
    Task<RunTaskEvent> RunTaskAsync(
        RunTaskRequest request, Func<RunTaskEvent, CancellationToken, Task> onEvent, CancellationToken stop,
        CancellationToken cancellation);

    /// <summary>
    /// A chat completion, its answer as it comes; never retried here, since part of it may be with the caller.
    /// </summary>
    /// <param name="onEvent">Given each event but the last, in order; the next is read when it is done.</param>
    /// <returns>The last event.</returns>
    /// <exception cref="ApiException">The model or the worker failed, perhaps after some events.</exception>
    Task<ChatSummary> ChatAsync(
        ChatRequest request, Func<ChatEvent, CancellationToken, Task> onEvent, CancellationToken cancellation);

    /// <summary>A healthy worker to place a new collection on, the one with the fewest collections first.</summary>
    Task<string> ChooseWorkerAsync(CancellationToken cancellation);

    /// <summary>True when at least one worker is connected and serving.</summary>
    bool AnyServing { get; }

    /// <summary>Types of tasks that workers which serve now run.</summary>
    IReadOnlyList<string> ServingTaskTypes { get; }

    /// <summary>The same, each with the workers that run it.</summary>
    IReadOnlyList<ServedTaskType> ServedTaskTypes { get; }

    /// <summary>Workers that are connected and serving, by id.</summary>
    IReadOnlyList<string> ServingWorkerIds { get; }
}

/// <summary>What is known of one unary method before it is called.</summary>
/// <param name="Name">As in the proto, such as SearchVectors.</param>
/// <param name="Idempotent">May be sent again when the first try's fate is unknown.</param>
/// <param name="Invoke">The generated stub's method.</param>
public sealed record AiCall<TRequest, TResponse>(
    string Name, bool Idempotent,
    Func<AiService.AiServiceClient, TRequest, CallOptions, AsyncUnaryCall<TResponse>> Invoke)
    where TRequest : class
    where TResponse : class;

/// <summary>Every unary method of the worker.</summary>
public static class AiCalls
{
    public static readonly AiCall<DescribeWorkerRequest, DescribeWorkerResponse> DescribeWorker =
        new("DescribeWorker", true, (client, request, options) => client.DescribeWorkerAsync(request, options));

    public static readonly AiCall<ComputeEmbeddingRequest, ComputeEmbeddingResponse> ComputeEmbedding =
        new("ComputeEmbedding", true, (client, request, options) => client.ComputeEmbeddingAsync(request, options));

    public static readonly AiCall<InferenceModelRequest, InferenceModelResponse> InferenceModel =
        new("InferenceModel", true, (client, request, options) => client.InferenceModelAsync(request, options));

    public static readonly AiCall<TestModelRequest, TestModelResponse> TestModel =
        new("TestModel", true, (client, request, options) => client.TestModelAsync(request, options));

    public static readonly AiCall<CreateCollectionRequest, CreateCollectionResponse> CreateCollection =
        new("CreateCollection", true, (client, request, options) => client.CreateCollectionAsync(request, options));

    public static readonly AiCall<UpdateCollectionRequest, UpdateCollectionResponse> UpdateCollection =
        new("UpdateCollection", true, (client, request, options) => client.UpdateCollectionAsync(request, options));

    public static readonly AiCall<DropCollectionRequest, DropCollectionResponse> DropCollection =
        new("DropCollection", true, (client, request, options) => client.DropCollectionAsync(request, options));

    public static readonly AiCall<DescribeCollectionRequest, DescribeCollectionResponse> DescribeCollection =
        new("DescribeCollection", true, (client, request, options) => client.DescribeCollectionAsync(request, options));

    // The same rows written twice are the rows written once.
    public static readonly AiCall<UpsertVectorsRequest, UpsertVectorsResponse> UpsertVectors =
        new("UpsertVectors", true, (client, request, options) => client.UpsertVectorsAsync(request, options));

    // A second delete would count none: the caller is told the truth of the first or nothing.
    public static readonly AiCall<DeleteVectorsRequest, DeleteVectorsResponse> DeleteVectors =
        new("DeleteVectors", false, (client, request, options) => client.DeleteVectorsAsync(request, options));

    public static readonly AiCall<GetVectorsRequest, GetVectorsResponse> GetVectors =
        new("GetVectors", true, (client, request, options) => client.GetVectorsAsync(request, options));

    public static readonly AiCall<CountVectorsRequest, CountVectorsResponse> CountVectors =
        new("CountVectors", true, (client, request, options) => client.CountVectorsAsync(request, options));

    public static readonly AiCall<SearchVectorsRequest, SearchVectorsResponse> SearchVectors =
        new("SearchVectors", true, (client, request, options) => client.SearchVectorsAsync(request, options));

    // The same cursor gives the same page again.
    public static readonly AiCall<ScrollVectorsRequest, ScrollVectorsResponse> ScrollVectors =
        new("ScrollVectors", true, (client, request, options) => client.ScrollVectorsAsync(request, options));

    // A snapshot and the collection of a restore have ids of core's choice: a second call finds the first one's work.
    public static readonly AiCall<CreateSnapshotRequest, SnapshotInfo> CreateSnapshot =
        new("CreateSnapshot", true, (client, request, options) => client.CreateSnapshotAsync(request, options));

    public static readonly AiCall<ListSnapshotsRequest, ListSnapshotsResponse> ListSnapshots =
        new("ListSnapshots", true, (client, request, options) => client.ListSnapshotsAsync(request, options));

    public static readonly AiCall<DeleteSnapshotRequest, DeleteSnapshotResponse> DeleteSnapshot =
        new("DeleteSnapshot", true, (client, request, options) => client.DeleteSnapshotAsync(request, options));

    public static readonly AiCall<RestoreSnapshotRequest, RestoreSnapshotResponse> RestoreSnapshot =
        new("RestoreSnapshot", true, (client, request, options) => client.RestoreSnapshotAsync(request, options));

    // To ask twice is to ask once.
    internal static readonly AiCall<StopTaskRequest, StopTaskResponse> StopTask =
        new("StopTask", true, (client, request, options) => client.StopTaskAsync(request, options));
}
