using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Routes;
using Taishang.Core.Models;
using Taishang.Core.Vectors;

namespace Taishang.Core.Gateway.OpenAi;

/// <summary>
/// The front that clients of OpenAI speak to: <c>model</c> is the name of a route, else a model's reference. Its
/// errors have OpenAI's form; who served and what it cost stands in headers.
/// </summary>
internal static class OpenAiEndpoints
{
    private const string ChatKind = "chat";

    public static void MapOpenAi(this IEndpointRouteBuilder routes)
    {
        var front = routes.MapGroup("/v1");
        front.MapPost("embeddings", EmbeddingsAsync);
        front.MapPost("chat/completions", ChatAsync);
        front.MapGet("models", ModelsAsync);
        front.MapGet("models/{**id}", ModelAsync);
    }

    private static async Task EmbeddingsAsync(
        HttpContext context, RouteDirectory directory, EmbeddingModels models, EmbedCalls calls, VectorMetrics metrics,
        CancellationToken cancellation)
    {
        var body = EmbeddingsBody.Read(await JsonBody.ReadTextAsync(context, cancellation));
        var route = await RouteOfAsync(directory, body.Model, cancellation);
        var call = route is not null
            ? ModelCall.Through(route, context, body.Texts)
            : ModelCall.To(await models.FindAsync(body.Model, context, cancellation), context);
        var served = await calls.EmbedAsync(call, body.Texts, body.Dimensions, cancellation)
            .RenamingTexts(body.Texts.Count);
        metrics.Embedded(served.Answer.Tokens);
        await EmbeddingsAnswer.WriteAsync(context, served.Answer, body);
    }

    private static async Task ChatAsync(
        HttpContext context, RouteDirectory directory, ModelGate gate, ChatCalls calls, CancellationToken cancellation)
    {
        var body = ChatBody.Read(await JsonBody.ReadTextAsync(context, cancellation), takesModel: true);
        var route = await RouteOfAsync(directory, body.Model!, cancellation);
        var call = route is not null
            ? ModelCall.Through(route, context, body.Texts)
            : ModelCall.To(ForChat(await gate.RequireAsync(body.Model!, null, context, cancellation)), context);
        if (body.Stream) await ChatStream.RunAsync(context, calls, call, body);
        else await ChatAnswers.BareAsync(context, await calls.CompleteAsync(call, body, cancellation));
    }

    private static async Task<IResult> ModelsAsync(RouteStore routes, ModelStore models, CancellationToken cancellation)
    {
        var entries = await OpenAiModels.ListAsync(routes, models, cancellation);
        return Results.Json(new { @object = "list", data = entries }, ApiJson.Options);
    }

    private static async Task<IResult> ModelAsync(
        string id, RouteDirectory directory, ModelGate gate, CancellationToken cancellation)
    {
        if (await RouteOfAsync(directory, id, cancellation) is { } route)
            return Results.Json(OpenAiModel.Of(route.Row), ApiJson.Options);
        return Results.Json(
            OpenAiModel.Of((await gate.RequireAsync(id, null, null, cancellation)).Model) with { Id = id },
            ApiJson.Options);
    }

    /// <summary>A name that no route can have needs no look.</summary>
    private static ValueTask<RouteState?> RouteOfAsync(
        RouteDirectory directory, string name, CancellationToken cancellation) =>
        RouteRules.IsName(name) ? directory.FindAsync(name, cancellation) : default;

    private static UsableModel ForChat(UsableModel usable)
    {
        // A model whose test never passed has no kind: its first call will tell.
        if (usable.Version.Kind is null or ChatKind) return usable;
        var why = $"expected a chat model, came {usable.Model.Reference} of kind {usable.Version.Kind}";
        throw new ApiException(
            ErrorCodes.ModelIncompatible, $"model: {why}",
            [new FieldError("model", ErrorCodes.ModelIncompatible.Number, why)]);
    }
}
