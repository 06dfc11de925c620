using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Gateway.Caches;
using Taishang.Core.Models;
using Taishang.Core.Vectors;

namespace Taishang.Core.Gateway;

/// <summary>Turns texts into vectors: from the cache what it knows, the rest by calls of a bounded size.</summary>
internal sealed class EmbedCalls(
    IAiClient ai, ModelCaller caller, VectorCache cache, IOptions<VectorOptions> options)
{
    private const string ResizableProvider = "openai";

    /// <param name="call">Who asks, and where it may go.</param>
    /// <param name="texts">In any number.</param>
    /// <param name="dimensions">Of the vectors, where the caller wants fewer than the model gives; null for all.
    /// </param>
    /// <param name="cancellation">Of the request.</param>
    /// <exception cref="ApiException">Not admitted, no target, or ai failed.</exception>
    public Task<Served<EmbeddedList>> EmbedAsync(
        ModelCall call, IReadOnlyList<string> texts, int? dimensions, CancellationToken cancellation)
    {
        var size = new CallSize(CallSize.TokensMaxOf(texts), 0, CallsOf(texts.Count));
        return caller.RunAsync(call, size, attempt => SendAsync(attempt, texts, dimensions), cancellation);
    }

    private async Task<CallResult<EmbeddedList>> SendAsync(
        CallAttempt attempt, IReadOnlyList<string> texts, int? dimensions)
    {
        var ttl = cache.TtlOf(attempt);
        var found = new Embedding[texts.Count];
        var keys = ttl is null ? [] : new CacheKey[texts.Count];
        var (missing, tokens) = Recall(attempt, texts, dimensions, found, keys);
        if (missing.Count == 0)
            return new CallResult<EmbeddedList>(new EmbeddedList(found, tokens), 0, 0, 0, 0);
        var spec = SpecOf(attempt.Model, dimensions);
        attempt.TakeRoom(CallsOf(missing.Count), CallSize.TokensMaxOf(missing.Select(row => texts[row])));
        var (paid, calls, modelMs) = (0L, 0, 0.0);
        for (var at = 0; at < missing.Count; at += options.Value.EmbedBatchTexts)
        {
            var rows = missing.GetRange(at, Math.Min(options.Value.EmbedBatchTexts, missing.Count - at));
            var request = new ComputeEmbeddingRequest { Model = spec };
            request.Texts.AddRange(rows.Select(row => texts[row]));
            var response = await ai.CallAsync(AiCalls.ComputeEmbedding, request, null, attempt.Cancellation)
                .RenamingFields(field => TextVectors.RowOf(field) is { } row && row < rows.Count
                    ? $"texts[{rows[row]}]" : field);
            CheckAnswer(response.Embeddings, rows.Count, attempt.Model.Model.Reference);
            for (var i = 0; i < rows.Count; i++) found[rows[i]] = response.Embeddings[i];
            if (ttl is { } kept) Keep(response, rows, texts, keys, kept);
            paid += response.Tokens;
            modelMs += response.ModelMs;
            calls++;
        }

        return new CallResult<EmbeddedList>(new EmbeddedList(found, tokens + paid), paid, 0, calls, modelMs);
    }

    private int CallsOf(int texts) => (texts + options.Value.EmbedBatchTexts - 1) / options.Value.EmbedBatchTexts;

    /// <summary>Fills in what the cache knows. Gives the rows that it does not, and the tokens of those that it does.
    /// </summary>
    private (List<int> Missing, long Tokens) Recall(
        CallAttempt attempt, IReadOnlyList<string> texts, int? dimensions, Embedding[] found, CacheKey[] keys)
    {
        var missing = new List<int>();
        long tokens = 0;
        for (var i = 0; i < texts.Count; i++)
        {
            CachedVector? known = null;
            if (keys.Length > 0) known = cache.Find(keys[i] = VectorCache.KeyOf(attempt, texts[i], dimensions));
            if (known is null)
            {
                missing.Add(i);
                continue;
            }

            found[i] = known.Embedding;
            tokens += known.Tokens;
        }

        if (keys.Length > 0) cache.LookedUp(texts.Count - missing.Count, missing.Count);
        return (missing, tokens);
    }

    /// <summary>A batch has one count of tokens: each text is given its share of it by its length, so that all shares
    /// together are that count.</summary>
    private void Keep(
        ComputeEmbeddingResponse response, List<int> rows, IReadOnlyList<string> texts, CacheKey[] keys, TimeSpan ttl)
    {
        long length = Math.Max(1, rows.Sum(row => (long)texts[row].Length));
        var (lengthBefore, tokensBefore) = (0L, 0L);
        for (var i = 0; i < rows.Count; i++)
        {
            lengthBefore += texts[rows[i]].Length;
            var tokens = response.Tokens * lengthBefore / length;
            cache.Add(keys[rows[i]], new CachedVector(response.Embeddings[i], tokens - tokensBefore), ttl);
            tokensBefore = tokens;
        }
    }

    /// <summary>Only an endpoint that shortens vectors itself may be asked to: cutting others would change what they
    /// mean.</summary>
    private static ModelSpec SpecOf(UsableModel model, int? dimensions)
    {
        if (dimensions is not { } wanted || wanted == model.Version.Dims) return model.Spec;
        if (model.Model.Provider != ResizableProvider)
        {
            var gives = model.Version.Dims is { } dims ? $"gives {dims}" : "gives a fixed number";
            var why = $"the model {model.Model.Reference} {gives} and can not give {wanted}";
            throw new ApiException(
                ErrorCodes.ModelIncompatible, $"dimensions: {why}",
                [new FieldError("dimensions", ErrorCodes.ModelIncompatible.Number, why)]);
        }

        var config = JsonNode.Parse(model.Spec.ConfigJson)?.AsObject() ?? [];
        config["dimensions"] = wanted;
        return new ModelSpec(model.Spec) { ConfigJson = config.ToJsonString() };
    }

    /// <summary>A worker that gives fewer embeddings than texts would shift every row behind the missing one.</summary>
    private static void CheckAnswer(RepeatedField<Embedding> embeddings, int expected, string model)
    {
        if (embeddings.Count == expected && embeddings.All(IsWhole)) return;
        throw new ApiException(ErrorCodes.AiFailed, embeddings.Count == expected
            ? $"{model} gave an embedding that is empty or not finite"
            : $"{model} gave {embeddings.Count} embeddings for {expected} texts");
    }

    private static bool IsWhole(Embedding embedding)
    {
        foreach (var value in UnsafeCollectionOperations.AsSpan(embedding.Values))
        {
            if (!float.IsFinite(value)) return false;
        }

        return embedding.Values.Count > 0;
    }
}

/// <param name="Embeddings">One for each text, in order. Shared with the cache: not to be changed.</param>
/// <param name="Tokens">Of all texts together, those among them that the cache knew.</param>
internal sealed record EmbeddedList(IReadOnlyList<Embedding> Embeddings, long Tokens);
