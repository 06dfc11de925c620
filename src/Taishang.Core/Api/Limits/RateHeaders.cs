using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api.Limits;

/// <summary>
/// What a limited answer says of the limit: the fields of draft-ietf-httpapi-ratelimit-headers-11, and for clients of
/// OpenAI theirs. Written when the answer starts, since an error begins its answer anew.
/// </summary>
internal sealed class RateHeaders(HttpResponse response, RateRule rule, BucketTake take)
{
    public const string Policy = "RateLimit-Policy";
    public const string Service = "RateLimit";
    public const string OpenAiLimit = "x-ratelimit-limit-requests";
    public const string OpenAiRemaining = "x-ratelimit-remaining-requests";
    public const string OpenAiReset = "x-ratelimit-reset-requests";

    private const long NanosecondsOfMillisecond = 1_000_000;

    public void Announce() => response.OnStarting(
        static state =>
        {
            ((RateHeaders)state).Write();
            return Task.CompletedTask;
        },
        this);

    /// <summary>As OpenAI writes spans of time: 120ms, 1.5s, 6m0s.</summary>
    public static string SpanText(long nanoseconds)
    {
        var ms = (nanoseconds + NanosecondsOfMillisecond - 1) / NanosecondsOfMillisecond;
        if (ms < 1_000) return string.Create(CultureInfo.InvariantCulture, $"{ms}ms");
        var (minutes, rest) = (ms / 60_000, ms % 60_000);
        var seconds = string.Create(CultureInfo.InvariantCulture, $"{rest / 1_000.0:0.###}s");
        if (minutes == 0) return seconds;
        return minutes < 60
            ? string.Create(CultureInfo.InvariantCulture, $"{minutes}m{seconds}")
            : string.Create(CultureInfo.InvariantCulture, $"{minutes / 60}h{minutes % 60}m{seconds}");
    }

    private void Write()
    {
        var headers = response.Headers;
        headers[Policy] = rule.Policy;
        headers[Service] = string.Create(
            CultureInfo.InvariantCulture, $"{rule.Name};r={take.Remaining};t={RateRule.SecondsOf(take.NextNs)}");
        if (!OpenAiError.IsFormOf(response.HttpContext.Request.Path)) return;
        headers[OpenAiLimit] = rule.BurstText;
        headers[OpenAiRemaining] = take.Remaining.ToString(CultureInfo.InvariantCulture);
        headers[OpenAiReset] = SpanText(take.FullNs);
    }
}
