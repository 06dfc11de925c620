using System.Collections.Concurrent;
using Taishang.Core.Api;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Limits;

/// <summary>
/// Holds calls to what the config of a model's version allows: requests and tokens in a minute, and calls at once.
/// Each core counts by itself.
/// </summary>
internal sealed class ModelLimiter(TimeProvider time)
{
    /// <summary>Beyond it, those go that nobody has used for a minute.</summary>
    private const int MetersMax = 10_000;

    private readonly ConcurrentDictionary<string, ModelMeter> _meters = new(StringComparer.Ordinal);

    /// <returns>null where the version has no limits.</returns>
    /// <exception cref="ApiException">There is no room (20026), with when there will be.</exception>
    public ModelLease? Take(UsableModel model, int requests, long tokens)
    {
        if (model.Limits is not { } limits) return null;
        var now = time.GetElapsedTime(0);
        if (!_meters.TryGetValue(model.Version.Id, out var meter))
        {
            if (_meters.Count >= MetersMax) Forget(now);
            meter = _meters.GetOrAdd(model.Version.Id, _ => new ModelMeter(limits));
        }

        var answer = meter.Take(requests, tokens, now, out var lease);
        if (lease is not null) return lease;
        throw new ApiException(
            ErrorCodes.ModelAtLimit,
            $"the model {model.Model.Reference} {model.Version.Version} is at its limit of {answer.Most}"
            + $" {answer.Limit}", retryAfter: answer.Wait);
    }

    private void Forget(TimeSpan now)
    {
        foreach (var (version, meter) in _meters)
        {
            if (meter.IsIdle(now)) _meters.TryRemove(KeyValuePair.Create(version, meter));
        }
    }
}
