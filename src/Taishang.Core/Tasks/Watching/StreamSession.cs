using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Tasks.Watching;

/// <summary>
/// One open stream: first what the reader missed, from the database, then what happens, from the ring.
/// </summary>
internal sealed class StreamSession(
    HttpContext context, TaskFeed feed, StreamWatch watch, string? taskId, StreamLimits limits, TimeProvider time)
{
    private const int PageMax = 500;

    /// <summary>Lines that come while a reader catches up; one that needs more can not keep up.</summary>
    private const int OverlapMax = 10_000;

    private readonly HashSet<string> _caughtUp = [];
    private long _place = watch.Place;

    /// <summary>Of one task: the last number of its trail that the reader has.</summary>
    public int Seq { get; set; }

    public async Task BeginAsync(CancellationToken cancellation)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "text/event-stream";
        response.Headers.CacheControl = "no-store";
        // Proxies that buffer would hold the events back.
        response.Headers["X-Accel-Buffering"] = "no";
        await WriteAsync(StreamFrame.Retry, cancellation);
    }

    /// <summary>Sends the lines of all tasks after the place; false when the reader can not keep up.</summary>
    public async Task<bool> CatchUpAsync(FeedPlace from, CancellationToken cancellation)
    {
        IReadOnlyList<TaskEvent> lines;
        do
        {
            lines = await feed.ReadAsync(from, PageMax, cancellation);
            foreach (var line in lines)
            {
                from = new FeedPlace(line.Feed, line.Id);
                var settled = line.Feed <= watch.Safe;
                await WriteAsync(
                    StreamFrame.Of(line, settled ? from : FeedPlace.EndOf(watch.Safe)), cancellation);
                // The ring may bring it too.
                if (!settled) _caughtUp.Add(line.Id);
            }

            if (_caughtUp.Count <= OverlapMax) continue;
            await WriteAsync(StreamFrame.Lagged, cancellation);
            return false;
        }
        while (lines.Count == PageMax);

        return true;
    }

    /// <summary>Sends the lines of the task after <see cref="Seq"/>; false when it ended with them.</summary>
    public async Task<bool> CatchUpAsync(string id, CancellationToken cancellation)
    {
        var ended = false;
        IReadOnlyList<TaskEvent> lines;
        do
        {
            lines = await feed.ReadTaskAsync(id, Seq, PageMax, cancellation);
            foreach (var line in lines)
            {
                var frame = StreamFrame.Of(line, default);
                await WriteAsync(frame, cancellation);
                Seq = line.Seq;
                ended = frame.Ends;
            }
        }
        while (lines.Count == PageMax);

        return !ended;
    }

    /// <summary>Sends what happens until the task ends, the reader is overtaken or the call is cancelled.</summary>
    public async Task FollowAsync(CancellationToken cancellation)
    {
        await FlushAsync(cancellation);
        while (true)
        {
            await WaitAsync(cancellation);
            var frames = watch.Streams.Ring.Read(ref _place, PageMax);
            if (frames is null)
            {
                await WriteAsync(StreamFrame.Lagged, cancellation);
                return;
            }

            foreach (var frame in frames)
            {
                if (!IsNew(frame)) continue;
                await WriteAsync(frame, cancellation);
                if (taskId is null || frame.EventId is null) continue;
                Seq = frame.Seq;
                if (frame.Ends) return;
            }

            await FlushAsync(cancellation);
        }
    }

    public Task WriteTaskAsync(AiTask task, CancellationToken cancellation) =>
        WriteAsync(StreamFrame.Of(task), cancellation);

    private bool IsNew(StreamFrame frame)
    {
        if (taskId is null) return frame.EventId is null || !_caughtUp.Remove(frame.EventId);
        return frame.TaskId == taskId && (frame.EventId is null || frame.Seq > Seq);
    }

    private async Task WaitAsync(CancellationToken cancellation)
    {
        var more = watch.Streams.Ring.MoreAsync(_place);
        while (true)
        {
            try
            {
                await more.WaitAsync(limits.Heartbeat, time, cancellation);
                return;
            }
            catch (TimeoutException)
            {
                await WriteAsync(StreamFrame.Heartbeat, cancellation);
                await FlushAsync(cancellation);
            }
        }
    }

    private async Task WriteAsync(StreamFrame frame, CancellationToken cancellation)
    {
        if (frame.EventId is not null) await WriteAsync(frame.IdFor(taskId is not null), cancellation);
        await WriteAsync(frame.Body, cancellation);
    }

    private async Task WriteAsync(byte[] bytes, CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(limits.WriteMax, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        await context.Response.Body.WriteAsync(bytes, limit.Token);
    }

    /// <summary>A reader that takes nothing for so long gives its place to another.</summary>
    private async Task FlushAsync(CancellationToken cancellation)
    {
        using var timer = new CancellationTokenSource(limits.WriteMax, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(timer.Token, cancellation);
        await context.Response.Body.FlushAsync(limit.Token);
    }
}

/// <summary>Times of a stream.</summary>
internal sealed record StreamLimits(TimeSpan Heartbeat, TimeSpan WriteMax);
