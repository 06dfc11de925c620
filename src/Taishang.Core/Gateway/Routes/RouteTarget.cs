using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Routes;

/// <summary>A target of a route as calls see it.</summary>
internal sealed class RouteTarget(RouteTargetSpec spec, bool isFallback, TargetHealth health)
{
    private ModelPrice? _price;

    public string Reference { get; } = spec.Model;

    public int Weight { get; } = spec.Weight;

    public bool IsFallback { get; } = isFallback;

    public TargetHealth Health { get; } = health;

    /// <summary>As it was when the route was last read; null for none.</summary>
    public ModelPrice? Price
    {
        get => Volatile.Read(ref _price);
        set => Volatile.Write(ref _price, value);
    }

    public bool Takes(in CallTraits traits) =>
        (Weight > 0 || IsFallback) && (spec.When is null || traits.Meet(spec.When));
}
