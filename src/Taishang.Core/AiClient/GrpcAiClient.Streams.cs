using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.ServiceCalls;

namespace Taishang.Core.AiClient;

/// <content>Calls whose answer is a stream: one attempt each, because whoever stands behind them tries again; but for
/// chats, behind which stands a caller.</content>
internal sealed partial class GrpcAiClient
{
    /// <summary>Core's own limit of an attempt ends it first; this one is for a worker whose core is paused.</summary>
    private static readonly TimeSpan TaskDeadlineMargin = TimeSpan.FromSeconds(5);

    /// <summary>Workers that one chat may be lost with and go on.</summary>
    private const int ChatsLostMax = 1;

    public async Task<BuildIndexProgress> BuildIndexAsync(
        BuildIndexRequest request, string? workerId, IProgress<BuildIndexProgress> progress,
        CancellationToken cancellation)
    {
        var method = methods.Of("BuildIndex");
        using var activity = AiClientTelemetry.Start(method);
        var context = new CallContext(method, request, workerId, DeadlineOf(method));
        var target = pool.Pick(workerId, null) ?? await RecoverAsync(context, cancellation);
        return await ReadAsync(
            context, target, (client, options) => client.BuildIndex(request, options),
            (one, _) =>
            {
                progress.Report(one);
                return Task.CompletedTask;
            },
            one => one.Done, activity, cancellation);
    }

    public async Task<RunTaskEvent> RunTaskAsync(
        RunTaskRequest request, Func<RunTaskEvent, CancellationToken, Task> onEvent, CancellationToken stop,
        CancellationToken cancellation)
    {
        var method = methods.Of("RunTask");
        using var activity = AiClientTelemetry.Start(method);
        var limit = TimeSpan.FromMilliseconds(request.TimeLimitMs) + TaskDeadlineMargin;
        var context = new CallContext(method, request, null, time.GetUtcNow() + limit);
        var target = pool.Pick(null, null, request.Type)
            ?? throw new ApiException(
                ErrorCodes.AiUnavailable, $"no ai worker that runs tasks of type {request.Type} is connected",
                retryAfter: ErrorResponses.RetryAfterDefault);
        using var run = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var begun = false;
        var stopping = Task.CompletedTask;
        await using var onStop = stop.UnsafeRegister(
            _ => stopping = StopTaskAsync(target, request, () => Volatile.Read(ref begun), run), null);
        try
        {
            var last = await ReadAsync(
                context, target, (client, options) => client.RunTask(request, options),
                (one, token) =>
                {
                    Volatile.Write(ref begun, true);
                    return onEvent(one, token);
                },
                one => one.EventCase is RunTaskEvent.EventOneofCase.Result or RunTaskEvent.EventOneofCase.Failure
                    or RunTaskEvent.EventOneofCase.LetGo,
                activity, run.Token);
            // Unasked it lets go because it stops: the next attempt is not for it, whatever its health said last.
            if (last.EventCase == RunTaskEvent.EventOneofCase.LetGo && !stop.IsCancellationRequested)
                target.MarkUnreachable("it is stopping");
            return last;
        }
        finally
        {
            // A stop that is under way has nobody to ask any more.
            await onStop.DisposeAsync();
            await run.CancelAsync();
            await stopping;
        }
    }

    /// <summary>
    /// Asks the attempt to let go. Where that can not be said, as with a worker of an earlier version, or where nothing
    /// has begun, the call is ended instead.
    /// </summary>
    private async Task StopTaskAsync(
        WorkerConnection target, RunTaskRequest request, Func<bool> begun, CancellationTokenSource run)
    {
        try
        {
            var ask = new StopTaskRequest { TaskId = request.TaskId, Fence = request.Fence };
            var method = methods.Of("StopTask");
            var context = new CallContext(method, ask, null, DeadlineOf(method));
            var (answer, failure) = await TryAsync(AiCalls.StopTask, ask, context, target, run.Token);
            // One that has begun and does not run any more has ended: how, is on its way.
            if (failure is null && (answer is { Running: true } || begun())) return;
            await run.CancelAsync();
        }
        catch (OperationCanceledException)
        {
            // The attempt has ended meanwhile.
        }
    }

    /// <summary>
    /// A chat whose worker is lost before anything of the answer was given moves to another one. What is risked: where
    /// the lost one had asked a paid service, that is paid for twice. A caller that is told of the loss would ask again
    /// as well (OpenAI's own clients do, twice), so a chat that was sent moves, but once: one by which workers die must
    /// not take them all. What could not be sent at all goes on like any other call. A worker's own word, such as a
    /// failure of the model, stands.
    /// </summary>
    public async Task<ChatSummary> ChatAsync(
        ChatRequest request, Func<ChatEvent, CancellationToken, Task> onEvent, CancellationToken cancellation)
    {
        var method = methods.Of("Chat");
        using var activity = AiClientTelemetry.Start(method);
        var context = new CallContext(method, request, null, DeadlineOf(method));
        retries.CallMade();
        var (given, lost) = (false, 0);
        while (true)
        {
            var target = pool.Pick(null, context.Tried) ?? await RecoverAsync(context, cancellation);
            var (last, failure) = await TryReadAsync(
                context, target, (client, options) => client.Chat(request, options),
                (one, token) =>
                {
                    if (one.EventCase is ChatEvent.EventOneofCase.Summary) return Task.CompletedTask;
                    given = true;
                    return onEvent(one, token);
                },
                one => one.EventCase is ChatEvent.EventOneofCase.Summary, cancellation);
            if (failure is null) return last!.Summary;
            var isLost = failure.IsTransport || failure.Error.Code == ErrorCodes.ShuttingDown;
            if (isLost && !failure.IsConnect) lost++;
            if (given || !isLost || lost > ChatsLostMax
                || retries.PauseAfter(context.Attempt, context.Deadline, failure.Pushback) is not { } pause)
            {
                activity?.SetStatus(ActivityStatusCode.Error, failure.Error.Message);
                throw failure.Error;
            }

            telemetry.Retried(method);
            (context.Tried ??= []).Add(target);
            await Task.Delay(pause, time, cancellation);
        }
    }

    private async Task<TEvent> ReadAsync<TEvent>(
        CallContext context, WorkerConnection target,
        Func<AiService.AiServiceClient, CallOptions, AsyncServerStreamingCall<TEvent>> invoke,
        Func<TEvent, CancellationToken, Task> onEvent, Func<TEvent, bool> isLast, Activity? activity,
        CancellationToken cancellation)
        where TEvent : class, IMessage
    {
        var (last, failure) = await TryReadAsync(context, target, invoke, onEvent, isLast, cancellation);
        if (failure is null) return last!;
        activity?.SetStatus(ActivityStatusCode.Error, failure.Error.Message);
        throw failure.Error;
    }

    /// <summary>Reads until the last message, or until the call fails.</summary>
    private async Task<(TEvent? Last, CallFailure? Failure)> TryReadAsync<TEvent>(
        CallContext context, WorkerConnection target,
        Func<AiService.AiServiceClient, CallOptions, AsyncServerStreamingCall<TEvent>> invoke,
        Func<TEvent, CancellationToken, Task> onEvent, Func<TEvent, bool> isLast, CancellationToken cancellation)
        where TEvent : class, IMessage
    {
        var attempt = Begin(context, target);
        try
        {
            using var ongoing = invoke(target.Client, Options(context, cancellation));
            while (await ongoing.ResponseStream.MoveNext(cancellation))
            {
                var one = ongoing.ResponseStream.Current;
                await onEvent(one, cancellation);
                if (!isLast(one)) continue;
                End(context, target, attempt, one, null);
                return (one, null);
            }

            throw new RpcException(
                new Status(StatusCode.Internal, $"the stream of {context.Method.Name} ended before its last message"));
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException)
        {
            return (null, Fail(context, target, attempt, e, cancellation));
        }
        catch (Exception e)
        {
            // Whoever listens gave up: that ends the call, and the record says so.
            var error = new ApiException(ErrorCodes.Cancelled, $"broken off by core: {e.Message}", inner: e);
            End(context, target, attempt, null, new(error, CallStatus.Failed, false, false, null));
            throw;
        }
        finally
        {
            target.Exit();
        }
    }
}
