using System.Diagnostics;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>
/// What every answer carries: the request's own marks, so that a caller finds its logs and traces, and the few
/// headers that keep a browser from reading JSON as anything else.
/// </summary>
internal static class ResponseHeaders
{
    public const string RequestId = "X-Request-Id";
    private const int RequestIdLengthMax = 128;

    public static async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        // Shown and logged under the caller's name for it, when that is fit to be shown.
        if (Given(context.Request) is { } id) context.TraceIdentifier = id;
        Apply(context);
        await next(context);
    }

    public static void Apply(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers[RequestId] = context.TraceIdentifier;
        if (Activity.Current is { IdFormat: ActivityIdFormat.W3C, Id: { } id }) headers.TraceParent = id;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
    }

    private static string? Given(HttpRequest request)
    {
        if (request.Headers[RequestId] is not [{ Length: > 0 and <= RequestIdLengthMax } id]) return null;
        return id.AsSpan().ContainsAnyExceptInRange('!', '~') ? null : id;
    }
}
