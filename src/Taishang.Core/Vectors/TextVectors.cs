using Google.Protobuf.Collections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Models;

namespace Taishang.Core.Vectors;

/// <summary>Turns texts into vectors through a worker, in calls of a bounded size.</summary>
internal sealed class TextVectors(IAiClient ai, EmbeddingModels models, IOptions<VectorOptions> options)
{
    /// <summary>With the model that a collection is bound to.</summary>
    /// <param name="context">Takes the headers of a deprecated model; null outside of a request.</param>
    /// <exception cref="ApiException">The collection names no model, the model may not be used, or ai
    /// failed.</exception>
    public async Task<EmbeddedTexts> EmbedForAsync(
        Collection collection, IReadOnlyList<string> texts, HttpContext? context, CancellationToken cancellation)
    {
        if (collection.ModelId is null)
            throw new ApiException(ErrorCodes.CollectionHasNoModel,
                $"text: {ErrorCodes.CollectionHasNoModel.Message}: '{collection.Name}'",
                [new FieldError("text", ErrorCodes.CollectionHasNoModel.Number, "expected a vector, came text")]);
        var model = await models.OfCollectionAsync(collection, context, cancellation);
        return await EmbedAsync(model, texts, cancellation);
    }

    /// <summary>With a model that the caller names, or the default.</summary>
    /// <exception cref="ApiException">There is no such model, it may not be used, or ai failed.</exception>
    public async Task<EmbeddedTexts> EmbedAsync(
        string? reference, IReadOnlyList<string> texts, HttpContext? context, CancellationToken cancellation)
    {
        var model = await models.FindAsync(reference, context, cancellation);
        return await EmbedAsync(model, texts, cancellation);
    }

    private async Task<EmbeddedTexts> EmbedAsync(
        UsableModel model, IReadOnlyList<string> texts, CancellationToken cancellation)
    {
        var embeddings = new List<Embedding>(texts.Count);
        long tokens = 0;
        for (var at = 0; at < texts.Count; at += options.Value.EmbedBatchTexts)
        {
            var request = new ComputeEmbeddingRequest { Model = model.Spec };
            request.Texts.AddRange(texts.Skip(at).Take(options.Value.EmbedBatchTexts));
            var first = at;
            var response = await ai.CallAsync(AiCalls.ComputeEmbedding, request, workerId: null, cancellation)
                .RenamingFields(field => RowOf(field) is { } row ? $"texts[{first + row}]" : field);
            CheckAnswer(response.Embeddings, request.Texts.Count, model.Model.Reference);
            embeddings.AddRange(response.Embeddings);
            tokens += response.Tokens;
        }

        return new EmbeddedTexts(embeddings, model.Model.Reference, tokens);
    }

    /// <summary>Which text a refusal speaks of, from 0; null when it speaks of none.</summary>
    public static int? RowOf(string field) =>
        field.StartsWith("texts[", StringComparison.Ordinal) && field.EndsWith(']')
        && int.TryParse(field.AsSpan(6, field.Length - 7), out var row) ? row : null;

    /// <summary>A worker that gives fewer embeddings than texts would shift every row behind the missing one.</summary>
    private static void CheckAnswer(RepeatedField<Embedding> embeddings, int expected, string model)
    {
        if (embeddings.Count == expected
            && embeddings.All(embedding => embedding.Values.Count > 0 && embedding.Values.All(float.IsFinite))) return;
        throw new ApiException(ErrorCodes.AiFailed, embeddings.Count == expected
            ? $"{model} gave an embedding that is empty or not finite"
            : $"{model} gave {embeddings.Count} embeddings for {expected} texts");
    }
}

/// <param name="Embeddings">One for each text, in order.</param>
/// <param name="Model">provider/name.</param>
/// <param name="Tokens">Of all texts together.</param>
internal sealed record EmbeddedTexts(IReadOnlyList<Embedding> Embeddings, string Model, long Tokens);
