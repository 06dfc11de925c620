using Taishang.Core.Api;

namespace Taishang.Core.Gateway.Routes;

/// <summary>A route as calls use it: what it says, and how its targets fare in this process.</summary>
internal sealed class RouteState
{
    /// <summary>A caller is not told to come back sooner than this.</summary>
    private const int WaitMsMin = 1_000;

    private readonly RouteDice _dice;
    private readonly RouteStrategy _strategy;

    /// <param name="route">As it is kept.</param>
    /// <param name="before">Whose targets' health is carried on where the reference and the rule are the same.</param>
    /// <param name="dice">Of this process.</param>
    public RouteState(ModelRoute route, RouteState? before, RouteDice dice)
    {
        (Row, _dice) = (route, dice);
        Definition = route.Read();
        _strategy = RouteStrategies.Of(Definition.Strategy);
        var known = before?.Definition.Cooldown == Definition.Cooldown
            ? before.Targets.ToDictionary(target => target.Reference, target => target.Health) : [];
        RouteTarget Made(RouteTargetSpec spec, bool isFallback) => new(
            spec, isFallback, known.GetValueOrDefault(spec.Model) ?? new TargetHealth(Definition.Cooldown));
        Targets =
        [
            .. Definition.Targets.Select(spec => Made(spec, false)),
            .. (Definition.Fallbacks ?? []).Select(spec => Made(spec, true)),
        ];
    }

    public ModelRoute Row { get; }

    public string Name => Row.Name;

    public RouteDefinition Definition { get; }

    public RouteTarget[] Targets { get; }

    public static long NowMs(TimeProvider time) => (long)time.GetElapsedTime(0).TotalMilliseconds;

    public int Choose(in CallTraits traits, uint passed, long nowMs) =>
        TargetChooser.Choose(Targets, _strategy, traits, passed, nowMs, _dice);

    /// <summary>True for the share of calls that a shadow gets too.</summary>
    public bool DrawsShadow() => Definition.Shadow is { } shadow && _dice.Share() < shadow.Share;

    /// <summary>By the dearest target in each currency; empty where none has a price.</summary>
    public IReadOnlyList<CostAnswer> CostsMaxOf(CallSize size)
    {
        List<CostAnswer>? most = null;
        foreach (var target in Targets)
        {
            if (target.Price is not { } price) continue;
            var output = size.OutputTokensMaxOf(target.ContextTokens);
            var cost = price.CostOf(size.InputTokens, output, size.Calls);
            var at = most?.FindIndex(one => one.Currency == price.Currency) ?? -1;
            if (at < 0) (most ??= []).Add(new CostAnswer(cost, price.Currency));
            else if (most![at].Amount < cost) most[at] = new CostAnswer(cost, price.Currency);
        }

        return most is null ? [] : most;
    }

    /// <summary>By the target that can write most.</summary>
    public long OutputTokensMaxOf(CallSize size) =>
        Targets.Length == 0 ? 0 : Targets.Max(target => size.OutputTokensMaxOf(target.ContextTokens));

    public IReadOnlyList<TargetView> Views(long nowMs) =>
        [.. Targets.Select(target => target.Health.View(target.Reference, nowMs))];

    /// <summary>When the first of the targets can be asked that can not be now; null where there is none.</summary>
    public TimeSpan? FreeIn(in CallTraits traits, long nowMs)
    {
        long? first = null;
        foreach (var target in Targets)
        {
            if (!target.Takes(traits) || target.Health.IsAvailable(nowMs)) continue;
            var own = target.Health.AvailableInMs(nowMs);
            if (first is null || own < first) first = own;
        }

        return first is { } ms ? TimeSpan.FromMilliseconds(Math.Max(WaitMsMin, ms)) : null;
    }

    /// <summary>Why no target takes a call. It changes nothing in the health of the targets.</summary>
    /// <param name="passedOver">What the registry said of one that it did not let be called.</param>
    public ApiException NobodyFor(in CallTraits traits, long nowMs, ApiException? passedOver)
    {
        long? wait = null;
        var (takers, held) = (0, 0);
        foreach (var target in Targets)
        {
            if (!target.Takes(traits)) continue;
            takers++;
            if (target.Health.IsAvailable(nowMs)) continue;
            if (target.Health.IsHeld(nowMs)) held++;
            var own = target.Health.AvailableInMs(nowMs);
            if (wait is null || own < wait) wait = own;
        }

        if (takers == 0)
            return new ApiException(
                ErrorCodes.ModelRouteNoMatch,
                $"no target of the route {Name} takes the language '{traits.Language}', the length {traits.Length} and"
                + $" the labels '{string.Join(',', traits.Labels ?? [])}'");
        var after = TimeSpan.FromMilliseconds(Math.Max(WaitMsMin, wait ?? 0));
        return held > 0 && held == takers
            ? new ApiException(
                ErrorCodes.ModelRouteLimited, $"every target of the route {Name} asks to slow down", null, after)
            : new ApiException(
                ErrorCodes.ModelRouteUnavailable,
                $"no target of the route {Name} is available"
                + (passedOver is null ? "" : $": {passedOver.Message}"), null, after);
    }
}
