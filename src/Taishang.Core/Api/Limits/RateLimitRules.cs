using Microsoft.Extensions.Options;
using IPNetwork = System.Net.IPNetwork;

namespace Taishang.Core.Api.Limits;

/// <summary>What must be true of the limits that an operator sets. A misspelt group would limit nothing.</summary>
internal sealed class RateLimitRules : IValidateOptions<ApiOptions>
{
    public const int CallerRateLimitsMax = 1_000;

    private const string Range = "0 to 10,000,000 tokens a second with a burst of 1 to 10,000,000 that fills within 30"
        + " days";

    public ValidateOptionsResult Validate(string? name, ApiOptions options)
    {
        var faults = new List<string>();
        void Check(string field, RateLimit limit)
        {
            if (!limit.IsValid) faults.Add($"Api:{field}: expected {Range}");
        }

        Check("RateLimit", options.RateLimit);
        Check("NewCallers", options.NewCallers);
        foreach (var (group, limit) in options.RateLimits)
        {
            Check($"RateLimits:{group}", limit);
            CheckGroup($"RateLimits:{group}", group, faults);
        }

        if (options.CallerRateLimits.Count > CallerRateLimitsMax)
            faults.Add($"Api:CallerRateLimits: expected at most {CallerRateLimitsMax}");
        for (var i = 0; i < options.CallerRateLimits.Count; i++)
        {
            var own = options.CallerRateLimits[i];
            Check($"CallerRateLimits:{i}", own);
            if (own.Group is not null) CheckGroup($"CallerRateLimits:{i}:Group", own.Group, faults);
            if (own.Key is null && own.Tenant is null)
                faults.Add($"Api:CallerRateLimits:{i}: expected a Key or a Tenant");
        }

        faults.AddRange(
            from network in options.TrustedProxies
            where !IPNetwork.TryParse(network, out _)
            select $"Api:TrustedProxies: expected networks such as 10.0.0.0/8, came '{network}'");
        return faults.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(faults);
    }

    private static void CheckGroup(string field, string group, List<string> faults)
    {
        if (!RouteGroups.Names.Contains(group))
            faults.Add($"Api:{field}: expected one of {string.Join(", ", RouteGroups.Names)}, came '{group}'");
    }
}
