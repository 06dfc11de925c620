using Taishang.Core.AiClient;
using Taishang.Hosting.Health;

namespace Taishang.Core.Health;

/// <summary>At least one worker serves; what the health checks last saw, so asking costs nothing.</summary>
internal sealed class AiReadiness(WorkerPool pool) : IReadinessCheck
{
    /// <summary>A list longer than this helps nobody.</summary>
    private const int ReasonsMax = 5;

    public string Name => "ai";

    public ValueTask<Readiness> CheckAsync(CancellationToken cancellation)
    {
        if (pool.AnyServing) return ValueTask.FromResult(Readiness.Ready);
        var connections = pool.Connections;
        var reasons = connections.Take(ReasonsMax).Select(one => $"{one.Address}: {one.State.Reason}");
        return ValueTask.FromResult(Readiness.Waiting(
            connections.Count == 0 ? "no worker is known" : "no worker serves: " + string.Join("; ", reasons)));
    }
}
