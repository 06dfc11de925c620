using System.Diagnostics;
using Google.Protobuf;
using Grpc.Core;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.ServiceCalls;
using Taishang.Core.Tasks;

namespace Taishang.Core.AiClient;

/// <summary>
/// One call is a loop of attempts: choose a worker, send, record, and on a failure of the transport (nothing else) of
/// an idempotent call pause and choose again. Retrying stands here and not in gRPC's policy, which keeps no message
/// above its buffer, knows nothing of our workers, and would hide the attempts from the record.
/// </summary>
internal sealed partial class GrpcAiClient(
    WorkerPool pool, CallMethods methods, RetryPolicy retries, CallRecorder recorder, AiClientTelemetry telemetry,
    CollectionPlacement placement, TimeProvider time) : IAiClient
{
    private int _turn;

    public bool AnyServing => pool.AnyServing;

    public IReadOnlyList<string> ServingTaskTypes => pool.TaskTypes();

    public IReadOnlyList<ServedTaskType> ServedTaskTypes => pool.ServedTaskTypes();

    public IReadOnlyList<string> ServingWorkerIds => pool.ServingIds();

    public async Task<TResponse> CallAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, TRequest request, string? workerId, CancellationToken cancellation)
        where TRequest : class
        where TResponse : class
    {
        var method = methods.Of(call.Name);
        using var activity = AiClientTelemetry.Start(method);
        var context = new CallContext(method, request as IMessage, workerId, DeadlineOf(method));
        retries.CallMade();
        while (true)
        {
            var target = pool.Pick(workerId, context.Tried) ?? await RecoverAsync(context, cancellation);
            var (response, failure) = await TryAsync(call, request, context, target, cancellation);
            if (failure is null) return response!;
            var again = call.Idempotent && failure.IsTransport
                ? retries.PauseAfter(context.Attempt, context.Deadline, failure.Pushback)
                : null;
            if (again is null)
            {
                activity?.SetStatus(ActivityStatusCode.Error, failure.Error.Message);
                throw failure.Error;
            }

            telemetry.Retried(method);
            (context.Tried ??= []).Add(target);
            await Task.Delay(again.Value, time, cancellation);
        }
    }

    public async Task<string> ChooseWorkerAsync(CancellationToken cancellation)
    {
        var ids = pool.ServingIds();
        if (ids.Count == 0)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            patience.CancelAfter(methods.Of("DescribeWorker").Deadline);
            await RecoverQuietlyAsync(null, patience.Token, cancellation);
            ids = pool.ServingIds();
        }

        if (ids.Count == 0) throw Missing(null);
        if (ids.Count == 1) return ids[0];
        var counts = await placement.CountsByWorkerAsync(cancellation);
        var turn = (uint)Interlocked.Increment(ref _turn);
        return ids.Select((id, i) => (Id: id, Place: (uint)(i + turn) % (uint)ids.Count))
            .OrderBy(worker => counts.GetValueOrDefault(worker.Id)).ThenBy(worker => worker.Place)
            .First().Id;
    }

    private async Task<(TResponse? Response, CallFailure? Failure)> TryAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, TRequest request, CallContext context, WorkerConnection target,
        CancellationToken cancellation)
        where TRequest : class
        where TResponse : class
    {
        var attempt = Begin(context, target);
        try
        {
            using var ongoing = call.Invoke(target.Client, request, Options(context, cancellation));
            var response = await ongoing.ResponseAsync;
            if (await IsStrangerAsync(context, target)) return (null, FailStranger(context, target, attempt));
            End(context, target, attempt, response as IMessage, null);
            return (response, null);
        }
        catch (RpcException e)
        {
            var failure = Fail(context, target, attempt, e, cancellation);
            // "No such collection" of a worker that has just come to this address says nothing about the collection.
            if (!failure.IsTransport && await IsStrangerAsync(context, target))
                failure = new(Missing(context.WorkerId), failure.Status, true, false, null);
            return (null, failure);
        }
        finally
        {
            target.Exit();
        }
    }

    /// <summary>After a reconnect another worker may answer at the address: one question settles it.</summary>
    private static async ValueTask<bool> IsStrangerAsync(CallContext context, WorkerConnection target)
    {
        if (context.WorkerId is null || target.IdentityFresh) return false;
        await target.ProbeAsync();
        return target.State.Status == WorkerStatus.Serving && !target.Serves(context.WorkerId);
    }

    private CallFailure FailStranger(CallContext context, WorkerConnection target, in Attempt attempt)
    {
        var failure = new CallFailure(Missing(context.WorkerId), CallStatus.Failed, true, false, null);
        End(context, target, attempt, null, failure);
        return failure;
    }

    private Attempt Begin(CallContext context, WorkerConnection target)
    {
        context.Attempt++;
        target.Enter();
        return new Attempt(time.GetUtcNow(), time.GetTimestamp());
    }

    private void End(
        CallContext context, WorkerConnection? target, in Attempt attempt, IMessage? response, CallFailure? failure)
    {
        if (failure is null) target?.Answered();
        var duration = time.GetElapsedTime(attempt.Timestamp);
        var status = failure?.Status ?? CallStatus.Success;
        telemetry.Attempted(context.Method, status, duration);
        recorder.Record(new CallRecord(
            attempt.StartedAt, context.Method.Name, context.Request, response, duration, status,
            failure?.Error.Code.Number ?? 0, failure?.Error.Message, Activity.Current?.TraceId,
            target?.Address ?? "", target?.State.WorkerId, context.Attempt));
    }

    /// <summary>Records the attempt and learns from it; the caller's own cancellation passes on as such.</summary>
    private CallFailure Fail(
        CallContext context, WorkerConnection target, in Attempt attempt, Exception e, CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested && IsOfCancellation(e))
        {
            var error = new ApiException(ErrorCodes.Cancelled, "cancelled by the caller", inner: e);
            End(context, target, attempt, null, new(error, CallStatus.Failed, false, false, null));
            throw new OperationCanceledException(error.Message, e, cancellation);
        }

        var failure = AiErrors.Read(
            e as RpcException ?? new RpcException(new Status(StatusCode.Cancelled, "the call was broken off", e)));
        if (failure.IsConnect)
        {
            target.MarkUnreachable("cannot connect");
            if (context.WorkerId is not null) failure = failure with { Error = Missing(context.WorkerId) };
        }

        if (failure.Error.Code == ErrorCodes.ShuttingDown) target.MarkUnreachable("it is stopping");
        if (failure.IsTransport) pool.WakeUp.Set();
        End(context, target, attempt, null, failure);
        return failure;
    }

    /// <summary>
    /// A stream that is reset under a reader may break off with an IOException before the cancellation reaches him,
    /// which gRPC calls UNAVAILABLE.
    /// </summary>
    private static bool IsOfCancellation(Exception e) => e is OperationCanceledException
        or RpcException { StatusCode: StatusCode.Cancelled }
        or RpcException { StatusCode: StatusCode.Unavailable, Status.DebugException: not null };

    /// <summary>
    /// Nobody fit serves: look again at those that do not, a few times with pauses. Nothing has been sent, so this is
    /// open to calls that are not idempotent too. One record stands for the whole wait.
    /// </summary>
    private async Task<WorkerConnection> RecoverAsync(CallContext context, CancellationToken cancellation)
    {
        var attempt = new Attempt(time.GetUtcNow(), time.GetTimestamp());
        var left = context.Deadline - attempt.StartedAt;
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        if (left > TimeSpan.Zero) patience.CancelAfter(left);
        else await patience.CancelAsync();
        for (var looks = 1; ; looks++)
        {
            if (await RecoverQuietlyAsync(context.WorkerId, patience.Token, cancellation) is { } found) return found;
            if (retries.PauseAfter(looks, context.Deadline, null) is not { } pause) break;
            await Task.Delay(pause, time, cancellation);
        }

        var isLate = time.GetUtcNow() >= context.Deadline;
        var failure = new CallFailure(
            isLate ? new ApiException(ErrorCodes.AiTimeout) : Missing(context.WorkerId),
            isLate ? CallStatus.Timeout : CallStatus.Failed, true, true, null);
        context.Attempt++;
        End(context, null, attempt, null, failure);
        throw failure.Error;
    }

    private async Task<WorkerConnection?> RecoverQuietlyAsync(
        string? workerId, CancellationToken patience, CancellationToken cancellation)
    {
        try
        {
            return await pool.RecoverAsync(workerId, patience);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return null;
        }
    }

    private ApiException Missing(string? workerId) =>
        workerId is null || !pool.AnyServing && pool.Connections.Count == 0
        ? new ApiException(ErrorCodes.AiUnavailable, retryAfter: ErrorResponses.RetryAfterDefault)
        : new ApiException(
            ErrorCodes.AiWorkerMissing, $"worker {workerId}, which holds this collection, is not connected",
            retryAfter: ErrorResponses.RetryAfterDefault);

    private DateTimeOffset DeadlineOf(CallMethod method)
    {
        var own = time.GetUtcNow() + method.Deadline;
        return RequestBudget.Deadline is { } budget && budget < own ? budget : own;
    }

    private static CallOptions Options(CallContext context, CancellationToken cancellation) =>
        new(AiClientTelemetry.TraceMetadata(), context.Deadline.UtcDateTime, cancellation);

    private readonly record struct Attempt(DateTimeOffset StartedAt, long Timestamp);

    private sealed class CallContext(CallMethod method, IMessage? request, string? workerId, DateTimeOffset deadline)
    {
        public CallMethod Method { get; } = method;

        public IMessage? Request { get; } = request;

        public string? WorkerId { get; } = workerId;

        public DateTimeOffset Deadline { get; } = deadline;

        public int Attempt { get; set; }

        public List<WorkerConnection>? Tried { get; set; }
    }
}
