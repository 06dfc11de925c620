using System.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Taishang.Contracts.Ai.V1;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Core.Collections;

namespace Taishang.Core.Vectors;

/// <summary>
/// What the routes of rows do: read strictly, find the collection, call its worker, write the answer.
/// </summary>
internal sealed class VectorHandlers(
    IAiClient ai,
    CollectionLookup collections,
    CollectionReadiness readiness,
    TextVectors texts,
    VectorMetrics metrics,
    TimeProvider time,
    ILogger<VectorHandlers> log)
{
    public async Task UpsertAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = UpsertBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span, time.GetUtcNow());
        var count = await OnCollectionAsync(body.Collection, async collection =>
        {
            if (body.Texts.Count > 0) await FillTextsAsync(context, collection, body);
            body.CheckVectors(collection.Dims, collection.IsCosine);
            body.Request.CollectionId = collection.Id;
            var response = await CallAsync(AiCalls.UpsertVectors, body.Request, collection, cancellation);
            await NoteWrittenAsync(collection);
            return response.Count;
        }, cancellation);
        metrics.Upserted(count);
        await VectorAnswers.CountAsync(context, count);
    }

    public async Task SearchAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = SearchBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span);
        var response = await OnCollectionAsync(body.Collection, async collection =>
        {
            if (body.Text is not null) await FillTextAsync(context, collection, body);
            body.CheckVectors(collection.Dims, collection.IsCosine);
            body.Request.CollectionId = collection.Id;
            return await CallAsync(AiCalls.SearchVectors, body.Request, collection, cancellation);
        }, cancellation);
        if (response.Answers.Count != body.Request.Queries.Count)
            throw new ApiException(ErrorCodes.AiFailed,
                $"the worker gave {response.Answers.Count} answers to {body.Request.Queries.Count} queries");
        metrics.Searched(response.EngineMicroseconds);
        await VectorAnswers.SearchAsync(context, response, body.Batch, body.Request.GroupBy.Length > 0);
    }

    public async Task DeleteAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = RowsBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span, takesFilter: true);
        var response = await OnCollectionAsync(body.Collection, collection =>
        {
            var request = new DeleteVectorsRequest { CollectionId = collection.Id, FilterJson = body.FilterJson };
            request.Ids.AddRange(body.Ids);
            return CallAsync(AiCalls.DeleteVectors, request, collection, cancellation);
        }, cancellation);
        metrics.Deleted(response.Count);
        await VectorAnswers.CountAsync(context, response.Count);
    }

    public async Task GetAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = RowsBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span, takesFilter: false);
        var response = await OnCollectionAsync(body.Collection, collection =>
        {
            var request = new GetVectorsRequest { CollectionId = collection.Id };
            request.Ids.AddRange(body.Ids);
            return CallAsync(AiCalls.GetVectors, request, collection, cancellation);
        }, cancellation);
        await VectorAnswers.RowsAsync(context, response);
    }

    public async Task ScrollAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = ScrollBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span);
        var response = await OnCollectionAsync(body.Collection, collection =>
        {
            body.Request.CollectionId = collection.Id;
            return CallAsync(AiCalls.ScrollVectors, body.Request, collection, cancellation);
        }, cancellation);
        await VectorAnswers.ScrollAsync(context, response);
    }

    public async Task CountAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var reference = ReadReference(context.Request.Query);
        var response = await OnCollectionAsync(reference, collection =>
        {
            var request = new CountVectorsRequest { CollectionId = collection.Id };
            return CallAsync(AiCalls.CountVectors, request, collection, cancellation);
        }, cancellation);
        await VectorAnswers.CountAsync(context, response.Count);
    }

    public async Task EmbedAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = EmbedBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span);
        var embedded = await texts.EmbedAsync(body.Model, body.Texts, context, cancellation)
            .RenamingFields(field => body.Many || field != "texts[0]" ? field : "text");
        metrics.Embedded(embedded.Tokens);
        await VectorAnswers.EmbeddingsAsync(context, embedded, body.Many);
    }

    /// <summary>
    /// Runs on the collection that a reference leads to. What is kept of it may be a moment old: when an alias was
    /// switched by another process and the collection behind it dropped, the worker knows it no more, nothing was done,
    /// and the call goes once more to where the reference leads now.
    /// </summary>
    private async Task<TResult> OnCollectionAsync<TResult>(
        string reference, Func<Collection, Task<TResult>> run, CancellationToken cancellation)
    {
        var collection = await collections.GetAsync(reference, cancellation);
        Activity.Current?.SetTag("taishang.collection.id", collection.Id);
        try
        {
            return await run(collection);
        }
        catch (ApiException e) when (e.Code == ErrorCodes.CollectionNotFound)
        {
            collections.Forget(collection);
            var now = await collections.ReadAsync(reference, cancellation);
            if (now.Id == collection.Id) throw;
            Activity.Current?.SetTag("taishang.collection.id", now.Id);
            return await run(now);
        }
    }

    private async Task FillTextAsync(HttpContext context, Collection collection, SearchBody body)
    {
        var embedded = await texts.EmbedQueryAsync(collection, body.Text!, context, context.RequestAborted)
            .RenamingFields(static field => field == "texts[0]" ? "text" : field);
        var query = new QueryVector();
        query.Values.AddRange(embedded.Embeddings[0].Values);
        body.Request.Queries.Clear();
        body.Request.Queries.Add(query);
    }

    private async Task FillTextsAsync(HttpContext context, Collection collection, UpsertBody body)
    {
        var embedded = await texts.EmbedForAsync(
                collection, body.Texts.ConvertAll(static row => row.Text), context, context.RequestAborted)
            .RenamingFields(field => TextVectors.RowOf(field) is { } text && text < body.Texts.Count
                ? $"vectors[{body.Texts[text].Row}].text"
                : field);
        for (var i = 0; i < body.Texts.Count; i++)
        {
            var vector = body.Request.Rows[body.Texts[i].Row].Vector;
            vector.Clear();
            vector.AddRange(embedded.Embeddings[i].Values);
        }
    }

    /// <summary>The rows are durable: a database that is gone now must not make their answer an error. The status is
    /// put right when the collection is read next.</summary>
    private async Task NoteWrittenAsync(Collection collection)
    {
        try
        {
            await readiness.AfterUpsertAsync(collection, CancellationToken.None);
        }
        catch (Exception e)
        {
            log.LogWarning(e, "the status of collection {Collection} could not be kept", collection.Id);
        }
    }

    private async Task<TResponse> CallAsync<TRequest, TResponse>(
        AiCall<TRequest, TResponse> call, TRequest request, Collection collection, CancellationToken cancellation)
        where TRequest : class
        where TResponse : class
    {
        try
        {
            return await ai.CallAsync(call, request, collection.WorkerId, cancellation);
        }
        catch (ApiException e)
        {
            if (e.Errors.Count == 0) throw;
            throw new ApiException(e.Code, e.Message, [.. e.Errors.Select(InRequest)], e.RetryAfter, e);
        }
    }

    /// <summary>The worker speaks of its own message's fields; the caller knows those of the body.</summary>
    private static FieldError InRequest(FieldError error) =>
        error.Field.StartsWith("rows[", StringComparison.Ordinal) ? error with { Field = "vectors" + error.Field[4..] }
        : error.Field.StartsWith("queries[", StringComparison.Ordinal)
            ? error with { Field = "vectors" + error.Field[7..] }
        : error.Field == "filter_json" ? error with { Field = "filter" }
        : error;

    private static string ReadReference(IQueryCollection query)
    {
        var errors = new FieldErrors();
        var reference = "";
        foreach (var (name, values) in query)
        {
            if (name != "collection") errors.Add(ErrorCodes.UnknownField, name, "expected collection");
            else if (values.Count != 1)
                errors.Add(ErrorCodes.InvalidArgument, name, $"expected once, came {values.Count} times");
            else reference = values[0] ?? "";
        }

        if (!query.ContainsKey("collection")) errors.Add(ErrorCodes.MissingField, "collection", "required and missing");
        else if (reference.Length is 0 or > BodyFields.CollectionCharactersMax)
            errors.Add(ErrorCodes.InvalidArgument, "collection",
                $"expected 1 to {BodyFields.CollectionCharactersMax} characters, came {reference.Length}");
        errors.ThrowIfAny();
        return reference;
    }
}
