using Microsoft.AspNetCore.Http;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Gateway;
using Taishang.Core.Models;

namespace Taishang.Core.Vectors;

/// <summary>Turns texts into vectors with the model that a collection or a caller names.</summary>
internal sealed class TextVectors(EmbedCalls calls, EmbeddingModels models)
{
    /// <summary>What somebody searches a collection for, with the model that it is bound to.</summary>
    /// <exception cref="ApiException">As of <see cref="EmbedForAsync"/>.</exception>
    public async Task<EmbeddedTexts> EmbedQueryAsync(
        Collection collection, string text, HttpContext context, CancellationToken cancellation) =>
        await EmbedAsync(
            ModelCall.To(await ModelOfAsync(collection, context, cancellation), context), [text], cancellation);

    /// <summary>Rows of a collection, with the model that it is bound to.</summary>
    /// <param name="context">Takes the headers of a deprecated model; null outside of a request.</param>
    /// <exception cref="ApiException">The collection names no model, the model may not be used, or ai
    /// failed.</exception>
    public async Task<EmbeddedTexts> EmbedForAsync(
        Collection collection, IReadOnlyList<string> texts, HttpContext? context, CancellationToken cancellation)
    {
        var model = await ModelOfAsync(collection, context, cancellation);
        return await EmbedAsync(ModelCall.To(model, context) with { IsBulk = true }, texts, cancellation);
    }

    /// <summary>With a model that the caller names, or the default.</summary>
    /// <exception cref="ApiException">There is no such model, it may not be used, or ai failed.</exception>
    public async Task<EmbeddedTexts> EmbedAsync(
        string? reference, IReadOnlyList<string> texts, HttpContext? context, CancellationToken cancellation)
    {
        var model = await models.FindAsync(reference, context, cancellation);
        // Tasks, which have no request, embed each text once.
        return await EmbedAsync(ModelCall.To(model, context) with { IsBulk = context is null }, texts, cancellation);
    }

    private async Task<EmbeddedTexts> EmbedAsync(
        ModelCall call, IReadOnlyList<string> texts, CancellationToken cancellation) =>
        EmbeddedTexts.Of(await calls.EmbedAsync(call, texts, null, cancellation));

    private async Task<UsableModel> ModelOfAsync(
        Collection collection, HttpContext? context, CancellationToken cancellation)
    {
        if (collection.ModelId is null)
            throw new ApiException(ErrorCodes.CollectionHasNoModel,
                $"text: {ErrorCodes.CollectionHasNoModel.Message}: '{collection.Name}'",
                [new FieldError("text", ErrorCodes.CollectionHasNoModel.Number, "expected a vector, came text")]);
        return await models.OfCollectionAsync(collection, context, cancellation);
    }

    /// <summary>Which text a refusal speaks of, from 0; null when it speaks of none.</summary>
    public static int? RowOf(string field) =>
        field.StartsWith("texts[", StringComparison.Ordinal) && field.EndsWith(']')
        && int.TryParse(field.AsSpan(6, field.Length - 7), out var row) ? row : null;
}

/// <param name="Embeddings">One for each text, in order.</param>
/// <param name="Model">provider/name.</param>
/// <param name="Tokens">Of all texts together.</param>
/// <param name="By">Who served.</param>
internal sealed record EmbeddedTexts(IReadOnlyList<Embedding> Embeddings, string Model, long Tokens, ServedAnswer By)
{
    public static EmbeddedTexts Of(Served<EmbeddedList> served) => new(
        served.Answer.Embeddings, served.By.Model.Model.Reference, served.Answer.Tokens, served.By.ToAnswer());
}
