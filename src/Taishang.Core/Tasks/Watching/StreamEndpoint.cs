using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// Server-Sent Events over all tasks or one. A reader that comes back with <c>Last-Event-ID</c> gets what it missed;
/// one that comes new gets what happens from now on. The stream of a task ends with the task; a reader that has all of
/// an ended task gets 204, upon which browsers stop coming back.
/// </summary>
internal sealed class StreamEndpoint(
    TaskStreams streams, TaskFeed feed, TaskStore store, IHostApplicationLifetime lifetime, TimeProvider time,
    IOptions<TaskOptions> options)
{
    private readonly StreamLimits _limits = new(
        TimeSpan.FromMilliseconds(options.Value.StreamHeartbeatMs),
        TimeSpan.FromMilliseconds(options.Value.StreamWriteMaxMs));

    /// <param name="taskId">Null for all tasks.</param>
    public async Task RunAsync(HttpContext context, string? taskId)
    {
        var last = context.Request.Headers[FeedPlace.Header].ToString();
        FeedPlace? from = taskId is null && last.Length > 0 ? FeedPlace.Parse(last) : null;
        int? seq = taskId is not null && last.Length > 0 ? FeedPlace.ParseSeq(last) : null;
        using var until = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, lifetime.ApplicationStopping);
        using var budget = Budget(until);
        try
        {
            var task = taskId is null ? null : await store.GetAsync(taskId, until.Token);
            using var watch = await streams.WatchAsync(until.Token);
            if (task is { IsLive: false } && seq >= task.Trail)
            {
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            }

            var session = new StreamSession(context, feed, watch, taskId, _limits, time);
            await session.BeginAsync(until.Token);
            if (taskId is not null) await FollowOneAsync(session, taskId, seq, until.Token);
            else if (from is not { } place || await session.CatchUpAsync(place, until.Token))
                await session.FollowAsync(until.Token);
        }
        catch (OperationCanceledException) when (context.Response.HasStarted)
        {
            // The server stops, the time that the caller gave is over, or the caller left: a stream just ends. A reader
            // that takes nothing is cut off, so that no half of an event looks like an end.
            if (!until.IsCancellationRequested) context.Abort();
        }
    }

    private async Task FollowOneAsync(
        StreamSession session, string taskId, int? seq, CancellationToken cancellation)
    {
        session.Seq = seq ?? 0;
        if (seq is null || await session.CatchUpAsync(taskId, cancellation))
        {
            // After the watch began: what changes after this reading comes through the ring.
            var task = await store.GetAsync(taskId, cancellation);
            await session.WriteTaskAsync(task, cancellation);
            if (!task.IsLive) return;
            // A new reader knows by the task itself what its trail has up to here.
            if (seq is null) session.Seq = task.Trail;
            await session.FollowAsync(cancellation);
        }

        await session.WriteTaskAsync(await store.GetAsync(taskId, cancellation), cancellation);
    }

    private CancellationTokenSource Budget(CancellationTokenSource until)
    {
        var budget = new CancellationTokenSource();
        if (RequestBudget.Deadline is not { } deadline) return budget;
        budget.Dispose();
        var left = deadline - time.GetUtcNow();
        budget = new CancellationTokenSource(left > TimeSpan.Zero ? left : TimeSpan.Zero, time);
        budget.Token.UnsafeRegister(static state => ((CancellationTokenSource)state!).Cancel(), until);
        return budget;
    }
}
