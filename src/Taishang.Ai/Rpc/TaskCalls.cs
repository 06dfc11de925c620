using System.Collections.Concurrent;
using System.Text.Json;
using Grpc.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Taishang.Ai.Indexes;
using Taishang.Ai.Tasks;
using Taishang.Contracts.Ai.V1;
using Taishang.Executors;

namespace Taishang.Ai.Rpc;

/// <summary>
/// One attempt of a task for as long as its call is open: a caller that leaves cancels it. A stop, of the task or of
/// the worker, lets an executor that parks itself bring its step to an end, and cancels any other; either way the
/// attempt says that it let go. How it ended is the stream's last message; only what is not the executor's doing is an
/// error of the call.
/// </summary>
internal sealed class TaskCalls(
    WorkerExecutors executors, WorkerTaskOptions options, TimeProvider time, IHostApplicationLifetime lifetime,
    ILogger<TaskCalls> logger) : IDisposable
{
    private const int PayloadCharactersMax = 1 << 20;

    private const int CheckpointCharactersMax = 1 << 20;

    private const int ResultCharactersMax = 1 << 20;

    private const int ErrorCharactersMax = 4_000;

    // Who is refused waits in core's queue: a second queue here would hide how long it is.
    private readonly CallGate _gate = new("tasks", options.RunningMax, 0, time);

    private readonly ConcurrentDictionary<(string TaskId, long Fence), Action> _running = new();

    public IReadOnlyList<string> Types => executors.Types;

    /// <summary>Asks a running attempt to let go.</summary>
    public StopTaskResponse Stop(StopTaskRequest request)
    {
        var found = _running.TryGetValue((request.TaskId, request.Fence), out var stop);
        stop?.Invoke();
        return new StopTaskResponse { Running = found };
    }

    public async Task RunAsync(
        RunTaskRequest request, IServerStreamWriter<RunTaskEvent> stream, CancellationToken cancellation)
    {
        RequestRules.Uuid("task_id", request.TaskId);
        RequestRules.Range("payload_json", request.PayloadJson.Length, 2, PayloadCharactersMax);
        RequestRules.Range("checkpoint_json", request.CheckpointJson.Length, 0, CheckpointCharactersMax);
        RequestRules.Range("time_limit_ms", request.TimeLimitMs, 1, long.MaxValue / TimeSpan.TicksPerMillisecond);
        var executor = executors.Find(request.Type)
            ?? throw new WorkerException(
                ErrorCode.TaskTypeUnavailable,
                $"no executor of this type is on this worker, which has: {string.Join(", ", executors.Types)}", "type");
        var payload = PayloadOf(request);
        using var place = await _gate.EnterAsync(cancellation);
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new WorkerException(ErrorCode.ShuttingDown, "the worker is stopping");
        using var context = new WorkerTaskContext(request, payload, stream, time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var key = (request.TaskId, request.Fence);
        _running[key] = () => Ask(executor, context, end);
        try
        {
            await RunAsync(executor, context, end, cancellation);
        }
        finally
        {
            _running.TryRemove(key, out _);
        }
    }

    public void Dispose() => _gate.Dispose();

    private async Task RunAsync(
        ITaskExecutor executor, WorkerTaskContext context, CancellationTokenSource end,
        CancellationToken cancellation)
    {
        using var patience = time.CreateTimer(
            static state => Cancel((CancellationTokenSource)state!), end, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        await using var onStop = lifetime.ApplicationStopping.UnsafeRegister(
            _ =>
            {
                // Core gives a stop of its own what time it likes; here the process waits.
                patience.Change(TimeSpan.FromMilliseconds(options.StopGraceMs), Timeout.InfiniteTimeSpan);
                Ask(executor, context, end);
            },
            null);
        await context.WriteAsync(new RunTaskEvent { Begun = new RunTaskBegun() }, cancellation);
        var pumping = context.PumpAsync(cancellation);
        RunTaskEvent last;
        try
        {
            last = await ExecuteAsync(executor, context, end.Token, cancellation);
        }
        finally
        {
            context.Close();
            // A stream that broke says so at the next writing, or nobody is there to hear.
            await pumping.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await context.WriteAsync(last, cancellation);
    }

    private static void Ask(ITaskExecutor executor, WorkerTaskContext context, CancellationTokenSource end)
    {
        try
        {
            context.AskStop();
        }
        catch (ObjectDisposedException)
        {
            // The attempt has ended meanwhile.
            return;
        }

        if (!executor.ParksItself) Cancel(end);
    }

    private static void Cancel(CancellationTokenSource end)
    {
        try
        {
            _ = end.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // Likewise.
        }
    }

    private async Task<RunTaskEvent> ExecuteAsync(
        ITaskExecutor executor, WorkerTaskContext context, CancellationToken stop, CancellationToken cancellation)
    {
        try
        {
            var errors = new PayloadErrors();
            executor.Validate(context.Payload, errors);
            if (errors.Count > 0) return Refused(errors);
            // An executor that does not await must not hold the call's thread.
            var result = await Task.Run(() => executor.ExecuteAsync(context, stop), stop);
            if (result is { Length: > ResultCharactersMax })
                return Failed($"the result has {result.Length} characters, at most {ResultCharactersMax} are kept");
            var done = new RunTaskResult();
            if (result is not null) done.Json = result;
            return new RunTaskEvent { Result = done };
        }
        catch (Exception e) when (context.StopAsked && !cancellation.IsCancellationRequested
            && (e is OperationCanceledException || stop.IsCancellationRequested))
        {
            return new RunTaskEvent { LetGo = new RunTaskLetGo() };
        }
        catch (TaskFailedException e)
        {
            return Failed(e.Message, e.Retriable);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            logger.LogError(e, "Attempt {Attempt} of task {TaskId} failed", context.Attempt, context.TaskId);
            return Failed($"{e.GetType().Name}: {e.Message}", retriable: true);
        }
    }

    private static JsonElement PayloadOf(RunTaskRequest request)
    {
        try
        {
            using var document = JsonDocument.Parse(request.PayloadJson);
            if (document.RootElement.ValueKind == JsonValueKind.Object) return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new WorkerException(ErrorCode.InvalidArgument, $"payload_json: {e.Message}", "payload_json", e);
        }

        throw new WorkerException(ErrorCode.InvalidArgument, "payload_json: expected an object", "payload_json");
    }

    private static RunTaskEvent Refused(PayloadErrors errors)
    {
        var (field, message) = errors.Errors[0];
        return Failed($"{field}: {message}{(errors.Count > 1 ? $" (and {errors.Count - 1} more)" : "")}");
    }

    private static RunTaskEvent Failed(string message, bool retriable = false) => new()
    {
        Failure = new RunTaskFailure
        {
            Message = message.Length <= ErrorCharactersMax ? message : message[..ErrorCharactersMax],
            Retriable = retriable,
        },
    };
}
