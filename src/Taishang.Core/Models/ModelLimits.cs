using System.Text.Json;

namespace Taishang.Core.Models;

/// <summary>How much a version may be asked for, as its config says. null is no limit.</summary>
/// <param name="RequestsPerMinute">In any minute.</param>
/// <param name="TokensPerMinute">Read and written together, in any minute.</param>
/// <param name="ParallelCalls">At once.</param>
public sealed record ModelLimits(long? RequestsPerMinute, long? TokensPerMinute, int? ParallelCalls)
{
    /// <summary>null where a config names no limit. The schema of configs has checked it.</summary>
    internal static ModelLimits? Of(string config)
    {
        using var document = JsonDocument.Parse(config);
        if (!document.RootElement.TryGetProperty("limits", out var limits) || limits.ValueKind != JsonValueKind.Object)
            return null;
        var found = new ModelLimits(
            Number(limits, "requests_per_minute"), Number(limits, "tokens_per_minute"),
            (int?)Number(limits, "parallel_calls"));
        return found is { RequestsPerMinute: null, TokensPerMinute: null, ParallelCalls: null } ? null : found;
    }

    private static long? Number(JsonElement limits, string name) =>
        limits.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out var number) ? number : null;
}
