using Taishang.Core.Models;

namespace Taishang.Core.Gateway.Routes;

/// <summary>A target of a route as calls see it.</summary>
internal sealed class RouteTarget(RouteTargetSpec spec, bool isFallback, TargetHealth health)
{
    /// <summary>A thousand tokens each way: by what targets are compared that charge by the token.</summary>
    private const long ComparedTokens = 1_000;

    private ModelPrice? _price;
    private double _comparedCost;
    private int _contextTokens;

    public string Reference { get; } = spec.Model;

    public int Weight { get; } = spec.Weight;

    public bool IsFallback { get; } = isFallback;

    public TargetHealth Health { get; } = health;

    /// <summary>As it was when the route was last read; null for none.</summary>
    public ModelPrice? Price
    {
        get => Volatile.Read(ref _price);
        set
        {
            Volatile.Write(ref _price, value);
            Volatile.Write(ref _comparedCost, (double)(value?.CostOf(ComparedTokens, ComparedTokens, 1) ?? 0));
        }
    }

    /// <summary>Of the model, as it was then; null where nobody has said.</summary>
    public int? ContextTokens
    {
        get => Volatile.Read(ref _contextTokens) is var tokens and > 0 ? tokens : null;
        set => Volatile.Write(ref _contextTokens, value ?? 0);
    }

    /// <summary>What it is compared by under `lowest_cost`; worked out once, since decimals are slow.</summary>
    public double ComparedCost => Volatile.Read(ref _comparedCost);

    public bool Takes(in CallTraits traits) =>
        (Weight > 0 || IsFallback) && (spec.When is null || traits.Meet(spec.When));
}
