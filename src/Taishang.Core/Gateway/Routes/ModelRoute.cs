using System.Text.Json;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.Routes;

/// <summary>A row of tai_model_routes: a name that callers use in the place of a model.</summary>
internal sealed record ModelRoute
{
    public string Id { get; init; } = "";

    public string Name { get; init; } = "";

    public string? Description { get; init; }

    /// <summary>Of the definition, for lists.</summary>
    public string Strategy { get; init; } = RouteStrategies.Weighted;

    /// <summary>A <see cref="RouteDefinition"/> as JSON.</summary>
    public string Definition { get; init; } = "{}";

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset UpdatedAt { get; init; }

    public RouteDefinition Read() => JsonSerializer.Deserialize<RouteDefinition>(Definition, ApiJson.Options)
        ?? throw new JsonException($"the route {Name} has no definition");

    /// <summary>Only what is kept of a body, whatever else its type holds.</summary>
    public static string TextOf(RouteDefinition definition) =>
        JsonSerializer.Serialize<RouteDefinition>(definition, ApiJson.Options);
}

/// <summary>The body of POST and PUT, which replaces all of it.</summary>
internal sealed record RouteBody : RouteDefinition
{
    public required string Name { get; init; }

    public string? Description { get; init; }
}

/// <summary>A route on the wire.</summary>
internal sealed record RouteAnswer : RouteDefinition
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public string? Description { get; init; }

    /// <summary>How its targets fare in this process; null in lists.</summary>
    public IReadOnlyList<TargetView>? Health { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public static RouteAnswer Of(ModelRoute route, IReadOnlyList<TargetView>? health = null)
    {
        var definition = route.Read();
        return new RouteAnswer
        {
            Id = route.Id,
            Name = route.Name,
            Description = route.Description,
            Strategy = definition.Strategy,
            Targets = definition.Targets,
            Fallbacks = definition.Fallbacks,
            Shadow = definition.Shadow,
            Cooldown = definition.Cooldown,
            AttemptsMax = definition.AttemptsMax,
            TimeoutMs = definition.TimeoutMs,
            AttemptTimeoutMs = definition.AttemptTimeoutMs,
            Cache = definition.Cache,
            Health = health,
            CreatedAt = route.CreatedAt,
            UpdatedAt = route.UpdatedAt,
        };
    }
}

/// <summary>How one target of a route fares.</summary>
/// <param name="Target">Its reference.</param>
/// <param name="State">ready, cooling (until the time behind it), probing or limited.</param>
/// <param name="InFlight">Calls that it has not answered yet.</param>
/// <param name="LatencyMs">Of late; null where nothing is known.</param>
/// <param name="AvailableInMs">null when it is ready.</param>
internal sealed record TargetView(string Target, string State, int InFlight, double? LatencyMs, long? AvailableInMs);
