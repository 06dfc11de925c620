using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;
using Taishang.Core.Gateway.OpenAi;
using Taishang.Core.Models;
using Taishang.Core.Vectors;

namespace Taishang.Core.Gateway.Routes;

/// <summary>Calls through a route: the bodies of a model's own calls, less what names a model.</summary>
internal static class RouteCallEndpoints
{
    public static void MapRouteCalls(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("{id}/infer", InferAsync);
        routes.MapPost("{id}/embed", EmbedAsync);
        routes.MapPost("{id}/chat", ChatAsync);
    }

    private static async Task<IResult> InferAsync(
        string id, HttpContext context, RouteDirectory directory, InferCalls calls, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<InferBody>(context, cancellation);
        if (body.Version is not null) throw Chosen("version");
        var request = InferInput.ToRequest(body);
        var route = await directory.GetAsync(id, cancellation);
        var texts = body.AllTexts();
        var served = await calls.InferAsync(ModelCall.Through(route, context, texts), request, texts, cancellation);
        return Envelope.Ok(InferAnswer.Of(served, request));
    }

    private static async Task EmbedAsync(
        string id, HttpContext context, RouteDirectory directory, EmbedCalls calls, VectorMetrics metrics,
        CancellationToken cancellation)
    {
        var body = EmbedBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span);
        if (body.Model is not null) throw Chosen("model");
        var route = await directory.GetAsync(id, cancellation);
        var call = ModelCall.Through(route, context, body.Texts);
        var served = EmbeddedTexts.Of(await calls.EmbedAsync(call, body.Texts, null, cancellation));
        metrics.Embedded(served.Tokens);
        await VectorAnswers.EmbeddingsAsync(context, served, body.Many);
    }

    private static async Task ChatAsync(
        string id, HttpContext context, RouteDirectory directory, ChatCalls calls, CancellationToken cancellation)
    {
        var body = ChatBody.Read(await JsonBody.ReadTextAsync(context, cancellation), takesModel: false);
        var route = await directory.GetAsync(id, cancellation);
        var call = ModelCall.Through(route, context, body.Texts);
        if (body.Stream) await ChatStream.RunAsync(context, calls, call, body);
        else await ChatAnswers.EnvelopeAsync(context, await calls.CompleteAsync(call, body, cancellation));
    }

    private static ApiException Chosen(string field) => new(
        ErrorCodes.InvalidArgument, $"{field}: the route chooses it",
        [new FieldError(field, ErrorCodes.InvalidArgument.Number, "the route chooses it")]);
}
