using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;
using Taishang.Executors;

namespace Taishang.Core.Tasks;

/// <summary>Runs one attempt to its end and says how it ended.</summary>
internal sealed class TaskRunner(
    TaskExecutors executors, TaskBackoff backoff, TaskMetrics metrics, TimeProvider time,
    IOptions<TaskOptions> options, ILogger<TaskRunner> logger)
{
    /// <summary>A result is a summary; what is larger belongs into a collection or a file.</summary>
    private const int ResultCharactersMax = 1 << 20;

    private const int ErrorCharactersMax = 4_000;

    private readonly TaskOptions _options = options.Value;

    /// <summary>Null when nothing may be written, because the lease is lost.</summary>
    public async Task<Settlement?> RunAsync(TaskAttempt attempt)
    {
        var task = attempt.Claim.Task;
        var started = time.GetTimestamp();
        using var activity = Start(task);
        // As with the lease, the time counts from before the claim was asked for: the database, which counts from the
        // claim, never takes an attempt for hung before it was told here.
        var left = TimeSpan.FromMilliseconds(task.TimeoutMs) - time.GetElapsedTime(attempt.LeasedAt);
        using var deadline = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        await using var onDeadline = deadline.Token.UnsafeRegister(
            static state => ((TaskAttempt)state!).Cancel(AttemptCancel.Deadline), attempt);
        Settlement? settlement;
        try
        {
            var executor = executors.Find(task.Type)
                ?? throw new TaskFailedException($"no executor of type {task.Type} is registered here", true);
            var work = executor.ExecuteAsync(attempt, attempt.Token);
            if (!work.IsCompleted && await Task.WhenAny(work, attempt.Abandoned) != work)
            {
                Forget(work, task);
                return null;
            }

            settlement = Complete(attempt, await work);
        }
        catch (Exception e)
        {
            settlement = Fail(attempt, e);
            if (settlement?.Error is { } error)
            {
                activity?.SetStatus(ActivityStatusCode.Error, error);
                attempt.Log(TaskLogLevel.Error, error);
            }

            if (settlement?.End == AttemptEnd.Failed)
            {
                logger.LogWarning(
                    e, "Attempt {Attempt} of {Type} task {TaskId} failed", task.Attempt, task.Type, task.Id);
            }
        }

        metrics.Attempted(task.Type, time.GetElapsedTime(started));
        return settlement is null
            ? null
            : settlement with
            {
                Progress = attempt.Progress,
                Cost = attempt.Cost,
                Logs = attempt.WaitingLogs(),
                RetryDelayMs = settlement.End == AttemptEnd.Failed
                    ? backoff.DelayMs(_options.Of(task.Type), task.Attempt)
                    : 0,
            };
    }

    private static Settlement Complete(TaskAttempt attempt, string? result)
    {
        if (result is null) return new Settlement(attempt.Claim, AttemptEnd.Completed);
        if (result.Length > ResultCharactersMax)
        {
            throw new TaskFailedException(
                $"the result has {result.Length} characters, at most {ResultCharactersMax} are kept", false);
        }

        try
        {
            using var document = JsonDocument.Parse(result);
        }
        catch (JsonException e)
        {
            throw new TaskFailedException($"the executor's result is not JSON: {e.Message}", false, e);
        }

        return new Settlement(attempt.Claim, AttemptEnd.Completed) { Result = result };
    }

    private static Settlement? Fail(TaskAttempt attempt, Exception e)
    {
        var failed = new Settlement(attempt.Claim, AttemptEnd.Failed);
        return attempt.Reason switch
        {
            AttemptCancel.Lost => null,
            AttemptCancel.Wish or AttemptCancel.Shutdown => new Settlement(attempt.Claim, AttemptEnd.LetGo),
            AttemptCancel.Deadline => failed with
            {
                Error = $"the attempt passed its deadline of {attempt.Claim.Task.TimeoutMs} ms "
                    + $"({ErrorCodes.TaskTimedOut.Name}, {ErrorCodes.TaskTimedOut.Number})",
            },
            // Nobody asked for it here: the ai worker that ran it stops, which is no fault of the task's.
            AttemptCancel.None when e is TaskLetGoException => new Settlement(attempt.Claim, AttemptEnd.LetGo),
            _ => failed with { Error = Text(e), Retriable = IsRetriable(e) },
        };
    }

    private static bool IsRetriable(Exception e) => e switch
    {
        TaskFailedException failed => failed.Retriable,
        // What the caller of a slice got wrong stays wrong at the next attempt.
        ApiException api => api.Code.Retriable || api.Code.HttpStatus >= 500,
        _ => true,
    };

    private static string Text(Exception e)
    {
        var text = e switch
        {
            TaskFailedException => e.Message,
            ApiException api => $"{api.Message} ({api.Code.Name}, {api.Code.Number})",
            _ => $"{e.GetType().Name}: {e.Message}",
        };
        // PostgreSQL's text has no NUL.
        text = text.Replace('\0', ' ');
        return text.Length <= ErrorCharactersMax ? text : text[..ErrorCharactersMax];
    }

    /// <summary>The attempt belongs to the trace of the request that created the task.</summary>
    private static Activity? Start(AiTask task)
    {
        var parent = task is { TraceId: { Length: 32 } trace, SpanId: { Length: 16 } span }
            ? new ActivityContext(
                ActivityTraceId.CreateFromString(trace), ActivitySpanId.CreateFromString(span),
                ActivityTraceFlags.Recorded, isRemote: true)
            : default;
        // The worker's own activity, if any, is not the cause of the attempt.
        Activity.Current = null;
        var activity = TaskMetrics.Activities.StartActivity($"task {task.Type}", ActivityKind.Consumer, parent);
        if (activity is null)
        {
            // Nobody listens, but the calls that the attempt makes still carry the trace.
            activity = new Activity($"task {task.Type}");
            if (parent != default) activity.SetParentId(parent.TraceId, parent.SpanId, parent.TraceFlags);
            activity.Start();
        }

        activity.SetTag("taishang.task.id", task.Id);
        activity.SetTag("taishang.task.type", task.Type);
        activity.SetTag("taishang.task.attempt", task.Attempt);
        return activity;
    }

    /// <summary>An executor that ignored its cancellation is left behind; its end is only noted.</summary>
    private void Forget(Task work, AiTask task)
    {
        logger.LogError("Attempt {Attempt} of task {TaskId} does not let go and is left behind", task.Attempt, task.Id);
        _ = work.ContinueWith(
            ended => logger.LogWarning(
                ended.Exception, "Attempt {Attempt} of task {TaskId} ended after it was left behind",
                task.Attempt, task.Id),
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
