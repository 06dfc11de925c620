using System.Text;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;

namespace Taishang.Core.Gateway;

/// <summary>One call of a client, and where it may go: to one model, or to the targets of a route.</summary>
internal sealed record ModelCall
{
    private ModelCall(CallerIdentity caller, HttpContext? context) => (Caller, Context) = (caller, context);

    public CallerIdentity Caller { get; }

    /// <summary>null outside of a request.</summary>
    public HttpContext? Context { get; }

    /// <summary>null where the call goes through a route.</summary>
    public UsableModel? Model { get; private init; }

    public RouteState? Route { get; private init; }

    /// <summary>What the conditions of targets look at.</summary>
    public CallTraits Traits { get; private init; }

    /// <summary>
    /// Its texts come once, such as those of rows: caches neither look for them nor keep them, since they would drive
    /// out what callers ask for again and again.
    /// </summary>
    public bool IsBulk { get; init; }

    /// <summary>Targets that fail for this call alone.</summary>
    public CallDrill Drill { get; private init; } = CallDrill.None;

    public static ModelCall To(UsableModel model, HttpContext? context) =>
        new(CallerIdentity.Of(context), context) { Model = model };

    /// <param name="texts">All that the model is to read.</param>
    public static ModelCall Through(RouteState route, HttpContext context, IEnumerable<string> texts) =>
        new(CallerIdentity.Of(context), context)
        {
            Route = route,
            Traits = CallTraits.Of(context.Request.Headers, texts),
            Drill = CallDrill.Of(context.Request.Headers),
        };

    public CallScope ScopeWith(UsableModel model) => new(
        Caller.Tenant, Caller.KeyId, model.Model.Id, model.Model.Reference, model.Version.Version,
        Route?.Name, model.Price?.Currency);

    /// <summary>Whoever serves it.</summary>
    public CallEstimate EstimateOf(CallSize size) => Route is null ? EstimateOf(Model, size) : new CallEstimate(
        size.InputTokens, Route.OutputTokensMaxOf(size), Route.CostsMaxOf(size));

    /// <summary>When this model serves it.</summary>
    public static CallEstimate EstimateOf(UsableModel? model, CallSize size)
    {
        var output = size.OutputTokensMaxOf(model?.ContextTokens);
        return new CallEstimate(
            size.InputTokens, output,
            model?.Price is { } price
                ? [new CostAnswer(price.CostOf(size.InputTokens, output, size.Calls), price.Currency)] : []);
    }
}

/// <summary>How much a call can ask for at most.</summary>
/// <param name="InputTokens">Upper bound.</param>
/// <param name="OutputTokens">Upper bound; 0 where nothing is written, null where only the model's context bounds it.
/// </param>
/// <param name="Calls">Calls of the model that it is cut into.</param>
internal readonly record struct CallSize(long InputTokens, long? OutputTokens, int Calls)
{
    /// <summary>What is set aside for an answer that neither the caller nor a known context bounds.</summary>
    private const int OutputTokensDefault = 8_192;


    /// <summary>Around a text: what marks its beginning and end.</summary>
    private const int FrameTokens = 4;

    /// <summary>Answers that one call asks for.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>The most that a model of this context can write.</summary>
    /// <param name="contextTokens">null where nobody has said.</param>
    public long OutputTokensMaxOf(int? contextTokens) =>
        OutputTokens ?? (long)(contextTokens ?? OutputTokensDefault) * Choices;

    /// <summary>What is taken of limits that are corrected when the call ends: an answer that its caller does not bound
    /// is seldom as long as a large context, and would keep all others out.</summary>
    public long OutputTokensLikely(int? contextTokens) => OutputTokensMaxOf(
        Math.Min(contextTokens ?? OutputTokensDefault, OutputTokensDefault));

    /// <summary>No tokenizer makes more tokens of a text than it has bytes.</summary>
    public static long TokensMaxOf(IEnumerable<string> texts)
    {
        long tokens = 0;
        foreach (var text in texts) tokens += Encoding.UTF8.GetByteCount(text) + FrameTokens;
        return tokens;
    }
}
