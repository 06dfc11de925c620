using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Limits;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>
/// Sends a share of a route's calls to its shadow too, after the caller has its answer: nobody waits for a shadow,
/// nobody sees what it says, and nothing that becomes of it counts anywhere but in its own figures.
/// </summary>
internal sealed class ShadowCalls(
    ModelGate gate, ModelLimiter limiter, GatewayMetrics metrics, IOptions<GatewayOptions> options,
    IHostApplicationLifetime lifetime, TimeProvider time, ILogger<ShadowCalls> log)
{
    private int _running;

    /// <summary>Calls that have not ended yet.</summary>
    public int Running => Volatile.Read(ref _running);

    public void Offer<T>(ModelCall call, Func<CallAttempt, Task<CallResult<T>>> send)
    {
        if (call.Route?.Definition.Shadow is not { } shadow || !call.Route.DrawsShadow()) return;
        if (Interlocked.Increment(ref _running) > options.Value.ShadowCallsMax)
        {
            Interlocked.Decrement(ref _running);
            metrics.Shadowed(call.Route.Name, "dropped");
            return;
        }

        _ = RunAsync(call, call.Route.Name, shadow.Model, send);
    }

    private async Task RunAsync<T>(
        ModelCall call, string route, string reference, Func<CallAttempt, Task<CallResult<T>>> send)
    {
        // The caller's own flow goes on at once.
        await Task.Yield();
        try
        {
            var limit = TimeSpan.FromMilliseconds(options.Value.ShadowTimeoutMs);
            RequestBudget.EndAt(time.GetUtcNow() + limit);
            var model = await gate.RequireAsync(reference, null, null, lifetime.ApplicationStopping);
            var attempt = new CallAttempt(call, model, reference, lifetime.ApplicationStopping)
            {
                Limiter = limiter,
                IsShadow = true,
            };
            await attempt.RunAsync(send);
            metrics.Shadowed(route, "ok");
        }
        catch (Exception e)
        {
            metrics.Shadowed(route, ErrorResponses.ToApi(e).Code.Name);
            log.LogDebug(e, "the shadow {Reference} of the route {Route} failed", reference, route);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }
}
