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
        var collection = await FindAsync(body.Collection, cancellation);
        if (body.Texts.Count > 0) await FillTextsAsync(context, collection, body);
        body.CheckVectors(collection.Dims, collection.IsCosine);
        body.Request.CollectionId = collection.Id;
        var response = await CallAsync(AiCalls.UpsertVectors, body.Request, collection, cancellation);
        metrics.Upserted(response.Count);
        await NoteWrittenAsync(collection);
        await VectorAnswers.CountAsync(context, response.Count);
    }

    public async Task SearchAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = SearchBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span);
        var collection = await FindAsync(body.Collection, cancellation);
        if (body.Text is not null)
        {
            var embedded = await texts.EmbedForAsync(collection, [body.Text], context, cancellation)
                .RenamingFields(static field => field == "texts[0]" ? "text" : field);
            var query = new QueryVector();
            query.Values.AddRange(embedded.Embeddings[0].Values);
            body.Request.Queries.Add(query);
        }

        body.CheckVectors(collection.Dims, collection.IsCosine);
        body.Request.CollectionId = collection.Id;
        var response = await CallAsync(AiCalls.SearchVectors, body.Request, collection, cancellation);
        if (response.Answers.Count != body.Request.Queries.Count)
            throw new ApiException(ErrorCodes.AiFailed,
                $"the worker gave {response.Answers.Count} answers to {body.Request.Queries.Count} queries");
        metrics.Searched(response.EngineMicroseconds);
        // Lets a client tell the index's time from everybody else's (W3C Server Timing, milliseconds).
        context.Response.Headers["Server-Timing"] = $"engine;dur={response.EngineMicroseconds / 1000.0:0.###}";
        await VectorAnswers.SearchAsync(context, response, body.Batch);
    }

    public async Task DeleteAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = RowsBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span, takesFilter: true);
        var collection = await FindAsync(body.Collection, cancellation);
        var request = new DeleteVectorsRequest { CollectionId = collection.Id, FilterJson = body.FilterJson };
        request.Ids.AddRange(body.Ids);
        var response = await CallAsync(AiCalls.DeleteVectors, request, collection, cancellation);
        metrics.Deleted(response.Count);
        await VectorAnswers.CountAsync(context, response.Count);
    }

    public async Task GetAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        var body = RowsBody.Read((await JsonBody.ReadTextAsync(context, cancellation)).Span, takesFilter: false);
        var collection = await FindAsync(body.Collection, cancellation);
        var request = new GetVectorsRequest { CollectionId = collection.Id };
        request.Ids.AddRange(body.Ids);
        await VectorAnswers.RowsAsync(
            context, await CallAsync(AiCalls.GetVectors, request, collection, cancellation));
    }

    public async Task CountAsync(HttpContext context)
    {
        var collection = await FindAsync(ReadReference(context.Request.Query), context.RequestAborted);
        var request = new CountVectorsRequest { CollectionId = collection.Id };
        var response = await CallAsync(AiCalls.CountVectors, request, collection, context.RequestAborted);
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

    private async ValueTask<Collection> FindAsync(string reference, CancellationToken cancellation)
    {
        var collection = await collections.GetAsync(reference, cancellation);
        Activity.Current?.SetTag("taishang.collection.id", collection.Id);
        return collection;
    }

    private async Task FillTextsAsync(HttpContext context, Collection collection, UpsertBody body)
    {
        var embedded = await texts.EmbedForAsync(
                collection, body.Texts.ConvertAll(static row => row.Text), context, context.RequestAborted)
            .RenamingFields(field => TextVectors.RowOf(field) is { } text && text < body.Texts.Count
                ? $"vectors[{body.Texts[text].Row}].text"
                : field);
        for (var i = 0; i < body.Texts.Count; i++)
            body.Request.Rows[body.Texts[i].Row].Vector.AddRange(embedded.Embeddings[i].Values);
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
            // Deleted or moved by another process: what is kept of it is stale.
            if (e.Code == ErrorCodes.CollectionNotFound) collections.Forget(collection);
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
