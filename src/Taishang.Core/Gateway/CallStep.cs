using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>One target that is about to be tried. What came of it is told to its health exactly once.</summary>
internal sealed class CallStep(UsableModel model, string target, RouteTarget? routed, HealthEntry entry)
{
    private bool _told;

    public UsableModel Model { get; } = model;

    public string Target { get; } = target;

    public bool IsFallback => routed?.IsFallback == true;

    public void Succeeded(long nowMs, double elapsedMs)
    {
        if (Tells()) routed?.Health.Succeeded(entry, nowMs, elapsedMs);
    }

    public void Failed(long nowMs)
    {
        if (Tells()) routed?.Health.Failed(entry, nowMs);
    }

    public void Limited(long nowMs, TimeSpan wait)
    {
        if (Tells()) routed?.Health.Limited(entry, nowMs, wait);
    }

    /// <summary>Nothing was learnt of the target.</summary>
    public void Leave()
    {
        if (Tells()) routed?.Health.Leave(entry);
    }

    private bool Tells()
    {
        if (_told) return false;
        return _told = true;
    }
}
