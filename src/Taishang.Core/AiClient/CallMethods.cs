using System.Collections.Concurrent;
using Microsoft.Extensions.Options;

namespace Taishang.Core.AiClient;

/// <summary>What is worked out once for a method and then used by each of its calls.</summary>
/// <param name="Name">As in the proto.</param>
/// <param name="SpanName">As traces show it.</param>
/// <param name="Deadline">Longest time of a call with all its attempts.</param>
internal sealed record CallMethod(string Name, string SpanName, TimeSpan Deadline);

/// <summary>The methods that have been called, by name.</summary>
internal sealed class CallMethods(IOptions<AiClientOptions> options)
{
    private readonly ConcurrentDictionary<string, CallMethod> _methods = new(StringComparer.Ordinal);

    public CallMethod Of(string name) => _methods.TryGetValue(name, out var method) ? method : Add(name);

    private CallMethod Add(string name)
    {
        var ms = options.Value.DeadlinesMs.GetValueOrDefault(name, options.Value.DeadlineMs);
        return _methods.GetOrAdd(
            name, new CallMethod(name, "taishang.ai.v1.AiService/" + name, TimeSpan.FromMilliseconds(ms)));
    }
}
