using System.Text.Json;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Executors;

namespace Taishang.Core.Tasks;

/// <summary>
/// Tasks of a type whose executor is on an ai worker: each attempt is one call to it. Lease, fence and checkpoint stay
/// here, so an ai worker needs no database, and one that lives on after core took the attempt from it writes nothing.
/// </summary>
internal sealed class WorkerTaskExecutor(string type, IAiClient ai, TimeProvider time) : ITaskExecutor
{
    /// <summary>After a refusal by a full worker that names no time.</summary>
    private static readonly TimeSpan FullPause = TimeSpan.FromSeconds(1);

    /// <summary>Before an attempt goes back that a stopping worker did not begin: by then it is known to stop.
    /// </summary>
    private static readonly TimeSpan StoppingPause = TimeSpan.FromMilliseconds(100);

    public string Type { get; } = type;

    /// <summary>The worker is asked; an executor that does not park itself is cancelled there at once.</summary>
    public bool ParksItself => true;

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        var request = new RunTaskRequest
        {
            TaskId = context.TaskId,
            Type = Type,
            Attempt = context.Attempt,
            Fence = context.Fence,
            PayloadJson = context.Payload.GetRawText(),
            TimeLimitMs = (long)context.TimeLimit.TotalMilliseconds,
        };
        if (context.Checkpoint is { } checkpoint) request.CheckpointJson = checkpoint;
        try
        {
            var last = await RunAsync(
                request, (one, token) => TakeAsync(context, one, token), context.StopRequested, cancellation);
            return last.EventCase switch
            {
                RunTaskEvent.EventOneofCase.Failure =>
                    throw new TaskFailedException(last.Failure.Message, last.Failure.Retriable),
                RunTaskEvent.EventOneofCase.LetGo => throw new TaskLetGoException("the ai worker let the attempt go"),
                _ => last.Result.HasJson ? last.Result.Json : null,
            };
        }
        catch (ApiException e) when (e.Code == ErrorCodes.ShuttingDown || AiErrors.IsUnsent(e))
        {
            // It stops, or went between the claim and the call: nothing was begun that could be lost. A worker that
            // died after the call was sent may have died of it, before a word of it came here: that attempt counts.
            await Task.Delay(StoppingPause, time, cancellation);
            throw new TaskLetGoException("the ai worker is stopping or gone", e);
        }
        catch (ApiException e) when (IsLost(e))
        {
            throw new TaskFailedException(
                $"{ErrorCodes.TaskExecutorLost.Message}: {e.Message} "
                + $"({ErrorCodes.TaskExecutorLost.Name}, {ErrorCodes.TaskExecutorLost.Number})", retriable: true, e);
        }
        catch (ApiException e) when (e.Code == ErrorCodes.TaskTypeUnavailable)
        {
            // It was started anew without the executor; another worker, or the same after its next start, may have it.
            throw new TaskFailedException($"{e.Message} ({e.Code.Name}, {e.Code.Number})", retriable: true, e);
        }
    }

    /// <summary>A worker that is full has begun nothing: that is no reason to use an attempt up.</summary>
    private async Task<RunTaskEvent> RunAsync(
        RunTaskRequest request, Func<RunTaskEvent, CancellationToken, Task> take, CancellationToken stop,
        CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await ai.RunTaskAsync(request, take, stop, cancellation);
            }
            catch (ApiException e) when (e.Code == ErrorCodes.TooManyRequests)
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, stop);
                await Task.Delay(e.RetryAfter ?? FullPause, time, either.Token);
            }
        }
    }

    /// <summary>The worker is gone, or its call was broken off: nobody told how the attempt ended.</summary>
    private static bool IsLost(ApiException e) =>
        e.Code == ErrorCodes.AiUnavailable || e.Code == ErrorCodes.AiFailed || e.Code == ErrorCodes.AiTimeout;

    private static async Task TakeAsync(TaskContext context, RunTaskEvent one, CancellationToken cancellation)
    {
        switch (one.EventCase)
        {
            case RunTaskEvent.EventOneofCase.Progress:
                context.ReportProgress(one.Progress);
                break;
            case RunTaskEvent.EventOneofCase.Log:
                context.Log(LevelOf(one.Log.Level), one.Log.Message);
                break;
            case RunTaskEvent.EventOneofCase.Cost:
                context.AddCost(one.Cost.Tokens, one.Cost.AiMilliseconds);
                break;
            case RunTaskEvent.EventOneofCase.Checkpoint:
                RequireJson(one.Checkpoint.Json);
                await context.SaveCheckpointAsync(
                    one.Checkpoint.Json,
                    [.. one.Checkpoint.Answers.Select(answer => new TaskAnswer(answer.Number, answer.Json))],
                    cancellation);
                break;
            case RunTaskEvent.EventOneofCase.Begun:
            case RunTaskEvent.EventOneofCase.Result:
            case RunTaskEvent.EventOneofCase.Failure:
            case RunTaskEvent.EventOneofCase.LetGo:
            case RunTaskEvent.EventOneofCase.None:
            default:
                // How it ends is the caller's; what a newer worker tells besides is left out.
                break;
        }
    }

    private static void RequireJson(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            throw new TaskFailedException($"the executor's checkpoint is not JSON: {e.Message}", false, e);
        }
    }

    private static TaskLogLevel LevelOf(RunTaskLogLevel level) => level switch
    {
        RunTaskLogLevel.Debug => TaskLogLevel.Debug,
        RunTaskLogLevel.Warning => TaskLogLevel.Warning,
        RunTaskLogLevel.Error => TaskLogLevel.Error,
        _ => TaskLogLevel.Info,
    };
}
