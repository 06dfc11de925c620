using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Tasks.Watching;

/// <summary>Routes that only look at tasks: statistics, live streams, their logs and answers.</summary>
internal static class WatchingEndpoints
{
    /// <param name="tasks">The group of /tasks.</param>
    public static void MapTaskWatching(this RouteGroupBuilder tasks)
    {
        tasks.MapGet("/stats", StatsAsync);
        tasks.MapGet("/stream", (HttpContext context, StreamEndpoint stream) => stream.RunAsync(context, null));
        tasks.MapGet("/{id}/stream", (string id, HttpContext context, StreamEndpoint stream) =>
            stream.RunAsync(context, id));
        tasks.MapGet("/{id}/logs", LogsAsync);
        tasks.MapGet("/{id}/answers", AnswersAsync);
    }

    private static async Task<IResult> StatsAsync(
        HttpContext context, TaskStatsStore stats, TimeProvider time, CancellationToken cancellation)
    {
        var list = ListQuery.Read(context.Request.Query, ["from", "to", "type", "bucket"], []);
        var query = TaskStatsQuery.Read(list, time.GetUtcNow());
        return Envelope.Ok(new TaskStatsAnswer(
            await stats.ReadAsync(query.From, query.To, query.Type, query.Width, cancellation)));
    }

    private static async Task<IResult> LogsAsync(
        string id, HttpContext context, TaskLogStore logs, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ["level"], ["created_at"]);
        var (lines, total) = await logs.ReadAsync(id, query, cancellation);
        return Envelope.Page("logs", lines.Select(TaskLogView.Of).ToList(), total);
    }

    private static async Task<IResult> AnswersAsync(
        string id, HttpContext context, TaskAnswerStore answers, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, [], ["number"]);
        var (page, total) = await answers.ReadAsync(id, query, cancellation);
        return Envelope.Page("answers", page, total);
    }
}
