using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Vectors;

/// <summary>
/// Tasks of type `embedding`. With a collection, <c>{collection, rows: [{id, text, metadata?, ttl_seconds?}]}</c> or
/// <c>{collection, texts}</c> (ids derive from the text, so that a second run changes nothing) writes rows; without
/// one, <c>{texts, model?}</c> gives the embeddings as the result. A checkpoint follows every batch: what was embedded
/// before a restart is not embedded again.
/// </summary>
internal sealed class EmbeddingTaskExecutor(
    IAiClient ai,
    CollectionLookup lookup,
    CollectionReadiness readiness,
    TextVectors texts,
    TimeProvider time,
    IOptions<VectorOptions> options) : ITaskExecutor
{
    /// <summary>Texts whose embeddings travel in the result and in each checkpoint.</summary>
    public const int ReturnedTextsMax = 256;

    public string Type => "embedding";

    /// <summary>A batch that was asked for is paid for: it is awaited and kept.</summary>
    public bool ParksItself => true;

    public void Validate(JsonElement payload, PayloadErrors errors) => EmbeddingPayload.Validate(payload, errors);

    public async Task<string?> ExecuteAsync(TaskContext context, CancellationToken cancellation)
    {
        try
        {
            return context.Payload.TryGetProperty("collection", out _)
                ? await WriteRowsAsync(context, cancellation)
                : await ReturnEmbeddingsAsync(context, cancellation);
        }
        catch (ApiException e) when (e.Code != ErrorCodes.Cancelled)
        {
            throw new TaskFailedException($"{e.Code.Name}: {e.Message}", e.Code.Retriable, e);
        }
    }

    private async Task<string> WriteRowsAsync(TaskContext context, CancellationToken cancellation)
    {
        var collection = await TaskPayload.FindCollectionAsync(
            lookup, context.Payload, CollectionOf(context.Checkpoint), cancellation);
        var rows = EmbeddingPayload.Rows(context.Payload);
        var (next, tokens) = Resume(context.Checkpoint);
        // Before the first row is written: from here on the task keeps to this collection.
        if (context.Checkpoint is null) await SaveAsync(context, collection, next, tokens, cancellation);
        while (next < rows.Count)
        {
            var batch = rows.GetRange(next, Math.Min(options.Value.EmbedBatchTexts, rows.Count - next));
            var started = time.GetTimestamp();
            var embedded = await texts.EmbedForAsync(
                collection, batch.ConvertAll(row => row.Text), context: null, cancellation);
            var request = new UpsertVectorsRequest { CollectionId = collection.Id };
            for (var i = 0; i < batch.Count; i++)
                request.Rows.Add(ToRow(batch[i], embedded.Embeddings[i].Values));
            await ai.CallAsync(AiCalls.UpsertVectors, request, collection.WorkerId, cancellation);
            await readiness.AfterUpsertAsync(collection, cancellation);
            next += batch.Count;
            tokens += embedded.Tokens;
            context.AddCost(embedded.Tokens, (long)time.GetElapsedTime(started).TotalMilliseconds);
            context.ReportProgress(next * 100 / rows.Count);
            context.Log(TaskLogLevel.Info, $"wrote {next} of {rows.Count} rows, {tokens} tokens");
            await SaveAsync(context, collection, next, tokens, cancellation);
            if (next < rows.Count) context.ParkIfAsked();
        }

        return new JsonObject
        {
            ["collection"] = collection.Id,
            ["count"] = rows.Count,
            ["tokens"] = tokens,
        }.ToJsonString();
    }

    private async Task<string> ReturnEmbeddingsAsync(TaskContext context, CancellationToken cancellation)
    {
        var list = EmbeddingPayload.Rows(context.Payload);
        var model = context.Payload.TryGetProperty("model", out var name) ? name.GetString() : null;
        var (next, tokens) = Resume(context.Checkpoint);
        var done = context.Checkpoint is null
            ? new JsonObject { ["embeddings_b64"] = new JsonArray() }
            : JsonNode.Parse(context.Checkpoint)!.AsObject();
        while (next < list.Count)
        {
            var batch = list.GetRange(next, Math.Min(options.Value.EmbedBatchTexts, list.Count - next));
            var started = time.GetTimestamp();
            var embedded = await texts.EmbedAsync(
                model, batch.ConvertAll(row => row.Text), context: null, cancellation);
            foreach (var embedding in embedded.Embeddings) done["embeddings_b64"]!.AsArray().Add(Base64(embedding));
            next += batch.Count;
            tokens += embedded.Tokens;
            done["next"] = next;
            done["tokens"] = tokens;
            done["model"] = embedded.Model;
            done["dims"] = embedded.Embeddings[0].Values.Count;
            context.AddCost(embedded.Tokens, (long)time.GetElapsedTime(started).TotalMilliseconds);
            context.ReportProgress(next * 100 / list.Count);
            context.Log(TaskLogLevel.Info, $"embedded {next} of {list.Count} texts, {tokens} tokens");
            await context.SaveCheckpointAsync(done.ToJsonString(), cancellation);
            if (next < list.Count) context.ParkIfAsked();
        }

        done.Remove("next");
        return done.ToJsonString();
    }

    private Row ToRow(EmbeddingRow row, IEnumerable<float> vector)
    {
        var result = new Row { Id = row.Id, MetadataJson = row.MetadataJson };
        result.Vector.AddRange(vector);
        if (row.TtlSeconds is { } seconds)
            result.ExpiresAtMs = time.GetUtcNow().AddSeconds(seconds).ToUnixTimeMilliseconds();
        return result;
    }

    private static Task SaveAsync(
        TaskContext context, Collection collection, int next, long tokens, CancellationToken cancellation) =>
        context.SaveCheckpointAsync(
            new JsonObject { ["next"] = next, ["tokens"] = tokens, ["collection"] = collection.Id }.ToJsonString(),
            cancellation);

    private static string? CollectionOf(string? checkpoint)
    {
        if (checkpoint is null) return null;
        using var json = JsonDocument.Parse(checkpoint);
        // A checkpoint of an earlier version has none.
        return json.RootElement.TryGetProperty("collection", out var id) ? id.GetString() : null;
    }

    private static (int Next, long Tokens) Resume(string? checkpoint)
    {
        if (checkpoint is null) return (0, 0);
        using var json = JsonDocument.Parse(checkpoint);
        return (json.RootElement.GetProperty("next").GetInt32(), json.RootElement.GetProperty("tokens").GetInt64());
    }

    private static string Base64(Embedding embedding)
    {
        var values = embedding.Values.ToArray();
        var bytes = new byte[values.Length * sizeof(float)];
        for (var i = 0; i < values.Length; i++)
            System.Buffers.Binary.BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), values[i]);
        return Convert.ToBase64String(bytes);
    }
}
