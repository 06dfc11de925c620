using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Routes of what is said and measured of a model: tags, card, evaluations. None of it changes how it runs.
/// </summary>
internal static class ModelCardEndpoints
{
    private static readonly string[] EvaluationFilters = ["version", "source"];
    private static readonly string[] EvaluationSorts = ["created_at"];

    public static void MapModelCards(this IEndpointRouteBuilder models)
    {
        models.MapPut("{id}/tags", SetTagsAsync);
        models.MapPut("{id}/card", SetCardAsync);
        models.MapDelete("{id}/card", DeleteCardAsync);
        models.MapGet("{id}/evaluations", ListEvaluationsAsync);
        models.MapPost("{id}/evaluations", AddEvaluationAsync).WithIdempotency();
    }

    private static async Task<IResult> SetTagsAsync(
        string id, HttpContext context, ModelStore store, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelTagsBody>(context, cancellation);
        ModelTags.Check(body);
        await store.GetAsync(id, cancellation);
        await store.SetTagsAsync(id, JsonSerializer.Serialize(body.Tags, ApiJson.Options), cancellation);
        return Envelope.Ok(ModelAnswer.Of(await store.GetAsync(id, cancellation)));
    }

    private static async Task<IResult> SetCardAsync(
        string id, HttpContext context, ModelStore store, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelCard>(context, cancellation);
        body.Check();
        await store.GetAsync(id, cancellation);
        await store.SetCardAsync(id, JsonSerializer.Serialize(body, ApiJson.Options), cancellation);
        return Envelope.Ok(ModelAnswer.Of(await store.GetAsync(id, cancellation)));
    }

    private static async Task<IResult> DeleteCardAsync(
        string id, ModelStore store, CancellationToken cancellation)
    {
        await store.GetAsync(id, cancellation);
        await store.SetCardAsync(id, null, cancellation);
        return Envelope.Done();
    }

    private static async Task<IResult> ListEvaluationsAsync(
        string id, HttpContext context, ModelStore store, ModelEvaluationStore evaluations,
        CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, EvaluationFilters, EvaluationSorts);
        query.OneOf("source", ModelEvaluation.ByTask, ModelEvaluation.ByHand);
        await store.GetAsync(id, cancellation);
        var (rows, total) = await evaluations.ListAsync(id, query, cancellation);
        return Envelope.Page("evaluations", rows.Select(ModelEvaluationAnswer.Of).ToList(), total);
    }

    private static async Task<IResult> AddEvaluationAsync(
        string id, HttpContext context, ModelStore store, ModelEvaluationStore evaluations, TimeProvider time,
        CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<ModelEvaluationBody>(context, cancellation);
        body.Check();
        var model = await store.GetAsync(id, cancellation);
        var row = await evaluations.AddAsync(
            new ModelEvaluation
            {
                Id = context.NewRowId(time),
                ModelId = id,
                Version = await VersionAsync(store, model, body.Version, cancellation),
                Dataset = body.Dataset,
                Metrics = JsonSerializer.Serialize(body.Metrics, ApiJson.Options),
                Notes = body.Notes,
                CreatedAt = time.GetUtcNow(),
            },
            cancellation);
        return Envelope.Created(ModelEvaluationAnswer.Of(row));
    }

    private static async Task<string> VersionAsync(
        ModelStore store, Model model, string? selector, CancellationToken cancellation)
    {
        if (selector is null) return model.Version;
        if (ModelReference.IsAlias(selector))
            return (await store.FindAliasedAsync(model.Id, selector, cancellation)
                ?? throw ModelAliasRules.NotFound(selector)).Version;
        return (await store.FindVersionAsync(model.Id, selector, cancellation)
            ?? throw new ApiException(
                ErrorCodes.ModelVersionNotFound, $"version: the model has no version {selector}")).Version;
    }
}
