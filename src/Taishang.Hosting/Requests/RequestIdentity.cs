using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Taishang.Hosting.Requests;

/// <summary>
/// Each answer carries <c>X-Request-Id</c>, the caller's own where it brought a usable one, and <c>traceparent</c>,
/// under which logs and traces of the request can be found.
/// </summary>
public static class RequestIdentity
{
    public const string RequestIdHeader = "X-Request-Id";

    /// <summary>Longer ids, or ids with characters that could forge a log line or a header, are replaced.</summary>
    public const int RequestIdCharsMax = 128;

    /// <summary>The name under which the id stands in logs.</summary>
    public const string LogField = "request_id";

    internal static void UseRequestIdentity(this WebApplication app)
    {
        var logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Taishang.Hosting.Requests");
        app.Use((context, next) => RunAsync(context, next, logger));
    }

    private static async Task RunAsync(HttpContext context, RequestDelegate next, ILogger logger)
    {
        var given = context.Request.Headers[RequestIdHeader];
        var requestId = given.Count == 1 && IsUsable(given[0]) ? given[0]! : NewId(context);
        context.TraceIdentifier = requestId;
        SetHeaders(context, requestId);
        // Error handlers clear the headers of an answer; the identity is put back just before it starts.
        context.Response.OnStarting(static state =>
        {
            var context = (HttpContext)state;
            SetHeaders(context, context.TraceIdentifier);
            return Task.CompletedTask;
        }, context);
        using (logger.BeginScope(new RequestScope(requestId)))
            await next(context);
    }

    private static void SetHeaders(HttpContext context, string requestId)
    {
        var headers = context.Response.Headers;
        headers[RequestIdHeader] = requestId;
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } traceParent })
            headers.TraceParent = traceParent;
    }

    // The trace id is as unique as any id, and one thing less to look up.
    private static string NewId(HttpContext context) =>
        Activity.Current is { IdFormat: ActivityIdFormat.W3C } activity
            ? activity.TraceId.ToHexString()
            : context.TraceIdentifier;

    private static bool IsUsable(string? id)
    {
        if (string.IsNullOrEmpty(id) || id.Length > RequestIdCharsMax) return false;
        foreach (var c in id)
        {
            if (c is < '!' or > '~' or '"' or '\\') return false;
        }

        return true;
    }

    // A scope that costs one small object: logs are rare on the hot path, requests are not.
    private sealed class RequestScope(string requestId) : IReadOnlyList<KeyValuePair<string, object?>>
    {
        public int Count => 1;

        public KeyValuePair<string, object?> this[int index] => new(LogField, requestId);

        public IEnumerator<KeyValuePair<string, object?>> GetEnumerator()
        {
            yield return this[0];
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();

        public override string ToString() => requestId;
    }
}
