using System.Collections.Concurrent;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;

namespace Taishang.Testing.Hosts;

/// <summary>
/// ai as a test wants it: each method answers what the test says, a method that it says nothing of is an ai that is
/// down. Remembers every request, in order.
/// </summary>
public sealed class FakeAiClient : IAiClient
{
    private readonly ConcurrentDictionary<string, Func<object, CancellationToken, Task<object>>> _answers = new();
    private readonly ConcurrentQueue<FakeAiRequest> _requests = new();

    /// <summary>The worker that <see cref="ChooseWorkerAsync"/> gives.</summary>
    public string WorkerId { get; set; } = "0197a000-0000-7000-8000-000000000001";

    public bool AnyServing { get; set; } = true;

    public IReadOnlyList<string> ServingWorkerIds => AnyServing ? [WorkerId] : [];

    public IReadOnlyList<FakeAiRequest> Requests => [.. _requests];

    /// <summary>Answers a method from now on; throw an <see cref="ApiException"/> to refuse.</summary>
    public FakeAiClient On<TRequest, TResponse>(AiCall<TRequest, TResponse> call, Func<TRequest, TResponse> answer)
        where TRequest : class
        where TResponse : class =>
        OnAsync(call, (request, _) => Task.FromResult(answer(request)));

    /// <summary>As <see cref="On"/>, for answers that wait.</summary>
    public FakeAiClient OnAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, Func<TRequest, CancellationToken, Task<TResponse>> answer)
        where TRequest : class
        where TResponse : class
    {
        _answers[call.Name] = async (request, cancellation) => await answer((TRequest)request, cancellation);
        return this;
    }

    /// <summary>The method is down again.</summary>
    public void Forget(string callName) => _answers.TryRemove(callName, out _);

    /// <summary>What every model test says when nothing else is wanted: an embedding model.</summary>
    public FakeAiClient WithPassingModels(int dims = 1024) =>
        On(AiCalls.TestModel, _ => new TestModelResponse
        {
            Passed = true,
            Kind = "embedding",
            Dims = dims,
            LatencyMs = 0.5,
        });

    public IEnumerable<TRequest> RequestsOf<TRequest>() => _requests.Select(r => r.Request).OfType<TRequest>();

    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, TRequest request, string? workerId, CancellationToken cancellation)
        where TRequest : class
        where TResponse : class =>
        (TResponse)await AnswerAsync(call.Name, request, workerId, cancellation);

    public async Task<BuildIndexProgress> BuildIndexAsync(
        BuildIndexRequest request, string? workerId, IProgress<BuildIndexProgress> progress,
        CancellationToken cancellation)
    {
        var last = (BuildIndexProgress)await AnswerAsync("BuildIndex", request, workerId, cancellation);
        progress.Report(last);
        return last;
    }

    /// <summary>Types of tasks that the worker says it runs.</summary>
    public IReadOnlyList<string> ServingTaskTypes { get; set; } = [];

    public IReadOnlyList<Core.Tasks.ServedTaskType> ServedTaskTypes =>
        [.. ServingTaskTypes.Select(type => new Core.Tasks.ServedTaskType(type, WorkerId))];

    /// <summary>Runs attempts; given the request and where its events go.</summary>
    public Func<RunTaskRequest, Func<RunTaskEvent, Task>, CancellationToken, Task<RunTaskEvent>>? OnRunTask
    {
        get;
        set;
    }

    /// <summary>Asks the attempt that was begun last to let go, where the caller does.</summary>
    public CancellationToken RunTaskStop { get; private set; }

    public async Task<RunTaskEvent> RunTaskAsync(
        RunTaskRequest request, Func<RunTaskEvent, CancellationToken, Task> onEvent, CancellationToken stop,
        CancellationToken cancellation)
    {
        RunTaskStop = stop;
        _requests.Enqueue(new FakeAiRequest("RunTask", request, null));
        if (OnRunTask is null) throw new ApiException(ErrorCodes.AiUnavailable);
        return await OnRunTask(request, one => onEvent(one, cancellation), cancellation);
    }

    /// <summary>Answers chats: given the request and where its events go; null is a worker that is down.</summary>
    public Func<ChatRequest, Func<ChatEvent, Task>, CancellationToken, Task<ChatSummary>>? OnChat { get; set; }

    public async Task<ChatSummary> ChatAsync(
        ChatRequest request, Func<ChatEvent, CancellationToken, Task> onEvent, CancellationToken cancellation)
    {
        _requests.Enqueue(new FakeAiRequest("Chat", request, null));
        if (OnChat is null) throw new ApiException(ErrorCodes.AiUnavailable);
        return await OnChat(request, one => onEvent(one, cancellation), cancellation);
    }

    /// <summary>Answers BuildIndex with its last progress.</summary>
    public FakeAiClient OnBuildIndex(Func<BuildIndexRequest, CancellationToken, Task<BuildIndexProgress>> answer)
    {
        _answers["BuildIndex"] = async (request, cancellation) =>
            await answer((BuildIndexRequest)request, cancellation);
        return this;
    }

    public Task<string> ChooseWorkerAsync(CancellationToken cancellation) =>
        AnyServing ? Task.FromResult(WorkerId) : throw new ApiException(ErrorCodes.AiUnavailable);

    private async Task<object> AnswerAsync(
        string name, object request, string? workerId, CancellationToken cancellation)
    {
        _requests.Enqueue(new FakeAiRequest(name, request, workerId));
        if (!_answers.TryGetValue(name, out var answer)) throw new ApiException(ErrorCodes.AiUnavailable);
        return await answer(request, cancellation);
    }
}

/// <param name="Method">As in the proto.</param>
/// <param name="Request">The message.</param>
/// <param name="WorkerId">Null for any worker.</param>
public sealed record FakeAiRequest(string Method, object Request, string? WorkerId);
