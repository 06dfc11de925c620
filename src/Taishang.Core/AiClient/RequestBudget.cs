using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;

namespace Taishang.Core.AiClient;

/// <summary>
/// How long whoever asked is still willing to wait. It flows along with the request; every call to ai ends when it is
/// used up, and the worker sees what remains as its own deadline.
/// </summary>
public static class RequestBudget
{
    /// <summary>Milliseconds from 1; sent by a caller that will not wait longer.</summary>
    public const string Header = "X-Request-Timeout-Ms";

    /// <summary>Nobody waits longer than a day on one request.</summary>
    public const int TimeoutMsMax = 86_400_000;

    private static readonly AsyncLocal<DateTimeOffset?> Current = new();

    /// <summary>The moment after which nobody waits any more; null when nobody has said.</summary>
    public static DateTimeOffset? Deadline => Current.Value;

    /// <summary>Sets the deadline for everything that is awaited from here on in this flow.</summary>
    public static void EndAt(DateTimeOffset? deadline) => Current.Value = deadline;

    /// <summary>Reads the header; a value that is no number of milliseconds is refused.</summary>
    public static void UseRequestBudget(this IApplicationBuilder app, TimeProvider time) => app.Use((context, next) =>
    {
        var given = context.Request.Headers[Header];
        if (given.Count == 0) return next(context);
        if (given.Count > 1 || !int.TryParse(given[0], out var ms) || ms is < 1 or > TimeoutMsMax)
            throw new ApiException(
                ErrorCodes.InvalidArgument, $"{Header}: expected a whole number from 1 to {TimeoutMsMax}");
        return WithinAsync(context, next, time.GetUtcNow().AddMilliseconds(ms));
    });

    private static async Task WithinAsync(HttpContext context, RequestDelegate next, DateTimeOffset deadline)
    {
        EndAt(deadline);
        await next(context);
    }
}
