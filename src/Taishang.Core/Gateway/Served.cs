using System.Globalization;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>An answer and who gave it.</summary>
internal sealed record Served<T>(T Answer, ServedBy By);

/// <summary>Which target and version served a call, and what that cost.</summary>
internal sealed record ServedBy
{
    public const string TargetHeader = "X-Taishang-Target";
    public const string ModelHeader = "X-Taishang-Model";
    public const string VersionHeader = "X-Taishang-Version";
    public const string RouteHeader = "X-Taishang-Route";
    public const string TriesHeader = "X-Taishang-Tries";
    public const string CacheHeader = "X-Taishang-Cache";
    public const string CostHeader = "X-Taishang-Cost";

    public required UsableModel Model { get; init; }

    /// <summary>As the route names it; <c>provider/name</c> where a model was called directly.</summary>
    public required string Target { get; init; }

    public string? Route { get; init; }

    /// <summary>Targets that were called, this one included.</summary>
    public int Tries { get; init; } = 1;

    public bool Fallback { get; init; }

    /// <summary>Caches knew all of it.</summary>
    public bool Cached { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    /// <summary>null where the model has no price.</summary>
    public decimal? Cost { get; init; }

    /// <summary>What the model itself took; 0 where nobody said.</summary>
    public double ModelMs { get; init; }

    public CallUsage Usage() =>
        new(
            InputTokens, OutputTokens, Cost, Model.Model.Reference, Model.Version.Version, Cached,
            Model.Price?.Currency);

    public ServedAnswer ToAnswer() => new(
        Route, Target, Model.Model.Reference, Model.Version.Version, Tries, Fallback, Cached,
        Cost is { } cost ? new CostAnswer(cost, Model.Price?.Currency ?? "") : null);

    /// <summary>The same for callers whose answer's form is not ours.</summary>
    public void WriteHeaders(HttpContext context)
    {
        WriteTarget(context, this);
        if (context.Response.HasStarted) return;
        var headers = context.Response.Headers;
        headers[CacheHeader] = Cached ? "hit" : "miss";
        // Whoever measures can take the model's own time from what the request took.
        if (ModelMs > 0)
            headers["Server-Timing"] = string.Create(CultureInfo.InvariantCulture, $"model;dur={ModelMs:0.###}");
        if (Cost is { } cost)
            headers[CostHeader] = string.Create(CultureInfo.InvariantCulture, $"{cost} {Model.Price?.Currency}").Trim();
    }

    /// <summary>What is known before the first part of a streamed answer.</summary>
    public static void WriteTarget(HttpContext context, ServedBy by)
    {
        if (context.Response.HasStarted) return;
        var headers = context.Response.Headers;
        headers[TargetHeader] = Ascii(by.Target);
        headers[ModelHeader] = Ascii(by.Model.Model.Reference);
        headers[VersionHeader] = by.Model.Version.Version;
        headers[TriesHeader] = by.Tries.ToString(CultureInfo.InvariantCulture);
        if (by.Route is not null) headers[RouteHeader] = by.Route;
    }

    /// <summary>Names of models may hold what a header may not.</summary>
    private static string Ascii(string text) =>
        text.All(c => c is > ' ' and < '\u007f') ? text : Uri.EscapeDataString(text);
}

/// <summary>Who served, as on the wire.</summary>
internal sealed record ServedAnswer(
    string? Route, string Target, string Model, string Version, int Tries, bool Fallback, bool Cached,
    CostAnswer? Cost);

/// <param name="Amount">In the currency, not in its cents.</param>
/// <param name="Currency">Three capital letters.</param>
internal sealed record CostAnswer(decimal Amount, string Currency);
