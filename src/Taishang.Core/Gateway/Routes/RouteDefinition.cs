namespace Taishang.Core.Gateway.Routes;

/// <summary>What a route does with a call: the body of its POST and PUT less its name, and what is kept of it.
/// </summary>
internal record RouteDefinition
{
    /// <summary>One of <see cref="RouteStrategies"/>.</summary>
    public string Strategy { get; init; } = RouteStrategies.Weighted;

    public required IReadOnlyList<RouteTargetSpec> Targets { get; init; }

    /// <summary>In the order in which they are asked when no target can answer.</summary>
    public IReadOnlyList<RouteTargetSpec>? Fallbacks { get; init; }

    public RouteShadow? Shadow { get; init; }

    public RouteCooldown Cooldown { get; init; } = new();

    /// <summary>Targets that one call may try, the first included.</summary>
    public int AttemptsMax { get; init; } = 3;

    /// <summary>Of all tries together.</summary>
    public int TimeoutMs { get; init; } = 60_000;

    /// <summary>Of one try; null for as long as the call has.</summary>
    public int? AttemptTimeoutMs { get; init; }

    public RouteCache Cache { get; init; } = new();
}

/// <summary>Where calls may go.</summary>
internal sealed record RouteTargetSpec
{
    /// <summary>A reference, perhaps with @alias or @version.</summary>
    public required string Model { get; init; }

    /// <summary>Its share beside the others under `weighted`; 0 takes it out, whatever the strategy.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>null for every call.</summary>
    public RouteCondition? When { get; init; }
}

/// <summary>All that is said of it must be so.</summary>
internal sealed record RouteCondition
{
    /// <summary>One of these.</summary>
    public IReadOnlyList<string>? Languages { get; init; }

    /// <summary>Characters of all texts together.</summary>
    public int? LengthMin { get; init; }

    public int? LengthMax { get; init; }

    /// <summary>The call has one of these.</summary>
    public IReadOnlyList<string>? Labels { get; init; }
}

/// <summary>A model that is asked too, and whose answers nobody gets.</summary>
/// <param name="Share">Of the calls, above 0 to 1.</param>
internal sealed record RouteShadow(string Model, double Share);

/// <summary>When a target is left alone, and for how long.</summary>
internal sealed record RouteCooldown
{
    /// <summary>Failures within the window that it takes.</summary>
    public int Errors { get; init; } = 5;

    public int WindowMs { get; init; } = 60_000;

    public int CooldownMs { get; init; } = 30_000;
}

/// <summary>What may be answered from memory.</summary>
internal sealed record RouteCache
{
    /// <summary>Vectors of texts, which a version gives the same each time.</summary>
    public bool Vectors { get; init; } = true;

    /// <summary>Whole answers of inference and chat: off, since a chat model may mean to answer anew.</summary>
    public bool Answers { get; init; }

    public int TtlSeconds { get; init; } = 3_600;
}

/// <summary>How a target is chosen, in words of the wire.</summary>
internal static class RouteStrategies
{
    public const string Weighted = "weighted";
    public const string RoundRobin = "round_robin";
    public const string LeastBusy = "least_busy";
    public const string LowestLatency = "lowest_latency";
    public const string LowestCost = "lowest_cost";

    private static readonly string[] Words = [Weighted, RoundRobin, LeastBusy, LowestLatency, LowestCost];

    public static IReadOnlyList<string> All => Words;

    public static RouteStrategy Of(string word) => (RouteStrategy)Array.IndexOf(Words, word);
}

/// <summary>In the order of <see cref="RouteStrategies.All"/>.</summary>
internal enum RouteStrategy
{
    Weighted,
    RoundRobin,
    LeastBusy,
    LowestLatency,
    LowestCost,
}
