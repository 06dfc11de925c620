using System.Net;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api;

/// <summary>
/// One token bucket for each client address and group of routes. The defaults stop a runaway loop, not honest load;
/// an operator sets what the machine bears.
/// </summary>
internal sealed class RateLimits(IOptions<ApiOptions> options) : IConfigureOptions<RateLimiterOptions>
{
    private const string Prefix = "/api/taishang/";

    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);

    public void Configure(RateLimiterOptions limiter)
    {
        limiter.RejectionStatusCode = ErrorCodes.TooManyRequests.HttpStatus;
        limiter.OnRejected = static (rejected, _) =>
        {
            TimeSpan? wait = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var after) ? after : null;
            var error = new ApiException(
                ErrorCodes.TooManyRequests, "the client passed the rate limit of this group of routes",
                retryAfter: wait);
            return new ValueTask(ErrorResponses.WriteAsync(rejected.HttpContext, error));
        };
        limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, Client>(Partition);
    }

    private RateLimitPartition<Client> Partition(HttpContext context)
    {
        var group = Group(context.Request.Path.Value);
        if (group is null) return RateLimitPartition.GetNoLimiter(default(Client));
        var limit = options.Value.RateLimits.GetValueOrDefault(group) ?? options.Value.RateLimit;
        if (limit.TokensPerSecond == 0) return RateLimitPartition.GetNoLimiter(default(Client));
        // Groups without a limit of their own share nothing either: each has its bucket.
        return RateLimitPartition.GetTokenBucketLimiter(
            new Client(context.Connection.RemoteIpAddress, group), _ => Bucket(limit));
    }

    private static TokenBucketRateLimiterOptions Bucket(RateLimit limit)
    {
        // Ten refills a second keep the flow even; below ten tokens a second one token comes less often instead.
        var perPeriod = Math.Max(1, (int)(limit.TokensPerSecond * Period.TotalSeconds));
        return new TokenBucketRateLimiterOptions
        {
            TokenLimit = limit.Burst,
            TokensPerPeriod = perPeriod,
            ReplenishmentPeriod = TimeSpan.FromSeconds((double)perPeriod / limit.TokensPerSecond),
            QueueLimit = 0,
        };
    }

    /// <summary>One of the known groups, so that made-up paths make no buckets.</summary>
    private static string? Group(string? path)
    {
        if (path is null || !path.StartsWith(Prefix, StringComparison.OrdinalIgnoreCase)) return null;
        var rest = path.AsSpan(Prefix.Length);
        var end = rest.IndexOf('/');
        var segment = end < 0 ? rest : rest[..end];
        foreach (var group in Groups)
        {
            if (segment.Equals(group, StringComparison.OrdinalIgnoreCase)) return group;
        }

        return "other";
    }

    private static readonly string[] Groups =
    [
        "models", "vector_collections", "collection_aliases", "vectors", "tasks", "alerts", "service_calls",
        "pipelines",
    ];

    private readonly record struct Client(IPAddress? Address, string Group);
}
