using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>The few headers that keep a browser from reading JSON as anything else, or from keeping it.</summary>
internal static class ResponseHeaders
{
    public static Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        Apply(context);
        return next(context);
    }

    public static void Apply(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.CacheControl = "no-store";
    }
}
