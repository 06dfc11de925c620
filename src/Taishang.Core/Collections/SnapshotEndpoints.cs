using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>Routes of snapshots. Taking and restoring one are tasks.</summary>
internal static class SnapshotEndpoints
{
    private const string Root = "/api/taishang/collection_snapshots";

    public static void AddSnapshots(this IServiceCollection services)
    {
        services.AddSingleton<SnapshotCatalog>();
        services.AddSingleton<SnapshotProgress>();
        services.AddSingleton<ITaskExecutor, SnapshotTaskExecutor>();
        services.AddSingleton<ITaskExecutor, RestoreTaskExecutor>();
    }

    public static void MapSnapshots(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root, ListAsync);
        routes.MapPost(Root, CreateAsync).WithIdempotency();
        routes.MapGet($"{Root}/{{id}}", GetAsync);
        routes.MapDelete($"{Root}/{{id}}", DeleteAsync);
        routes.MapPost($"{Root}/{{id}}/restore", RestoreAsync).WithIdempotency();
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, SnapshotCatalog catalog, CollectionStore collections)
    {
        var cancellation = context.RequestAborted;
        var query = ListQuery.Read(context.Request.Query, ["collection"], []);
        var collectionId = query.Filter("collection") is { } reference
            ? await IdOfAsync(collections, reference, cancellation)
            : null;
        var all = await catalog.ListAsync(collectionId, cancellation);
        var page = all.Skip((int)Math.Min(int.MaxValue, query.Skip)).Take(query.PageSize);
        return Envelope.Page("snapshots", page.Select(SnapshotView.Of).ToArray(), all.Count);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, CollectionLookup lookup, TaskExecutors executors, TaskCreator creator)
    {
        var cancellation = context.RequestAborted;
        var body = await JsonBody.ReadAsync<CreateSnapshotBody>(context, cancellation);
        var payload = new JsonObject { ["collection"] = body.Collection };
        if (body.Description is not null) payload["description"] = body.Description;
        if (body.Keep is { } keep) payload["keep"] = keep;
        var task = Check(context, executors, SnapshotTaskExecutor.TypeName, payload);
        // Named by id from here on: an alias that moves before the task begins does not change what was asked for.
        payload["collection"] = (await lookup.ReadAsync(body.Collection, cancellation)).Id;
        var made = await creator.CreateAsync(task with { PayloadJson = payload.ToJsonString() }, cancellation);
        return Envelope.Created(new SnapshotAsked(made.Id, made.Id));
    }

    private static async Task<IResult> GetAsync(string id, HttpContext context, SnapshotCatalog catalog) =>
        Envelope.Ok(SnapshotView.Of(await catalog.GetAsync(id, context.RequestAborted)));

    private static async Task<IResult> DeleteAsync(string id, HttpContext context, SnapshotCatalog catalog)
    {
        await catalog.DeleteAsync(await catalog.GetAsync(id, context.RequestAborted), context.RequestAborted);
        return Envelope.Done();
    }

    private static async Task<IResult> RestoreAsync(
        string id, HttpContext context, SnapshotCatalog catalog, TaskExecutors executors, TaskCreator creator)
    {
        var cancellation = context.RequestAborted;
        var body = await JsonBody.ReadAsync<RestoreSnapshotBody>(context, cancellation);
        var payload = new JsonObject { ["snapshot"] = id, ["name"] = body.Name };
        if (body.Description is not null) payload["description"] = body.Description;
        var task = Check(context, executors, RestoreTaskExecutor.TypeName, payload);
        _ = await catalog.GetAsync(id, cancellation);
        var made = await creator.CreateAsync(task, cancellation);
        return Envelope.Created(new SnapshotAsked(made.Id, id));
    }

    /// <summary>A collection that is gone has snapshots still: its id is taken as it is.</summary>
    private static async Task<string> IdOfAsync(
        CollectionStore collections, string reference, CancellationToken cancellation) =>
        (await collections.FindAsync(reference, cancellation))?.Id
        ?? (Collection.IsId(reference) ? reference : throw CollectionLookup.NotFound(reference));

    /// <summary>Checked as the task's payload is, but named as the body's fields are.</summary>
    private static NewTask Check(HttpContext context, TaskExecutors executors, string type, JsonObject payload)
    {
        var executor = executors.Find(type) ?? throw new ApiException(ErrorCodes.TaskTypeUnavailable);
        var json = payload.ToJsonString();
        using var document = JsonDocument.Parse(json);
        var errors = new FieldErrors();
        TaskExecutors.Check(executor, document.RootElement, errors);
        try
        {
            errors.ThrowIfAny();
        }
        catch (ApiException e)
        {
            throw Renamed(e);
        }

        return new NewTask(type, json) { Id = context.Features.Get<ReservedRowId>()?.Id };
    }

    private static ApiException Renamed(ApiException e)
    {
        const string Prefix = "payload.";
        var code = ErrorCodes.CollectionParameter;
        var errors = e.Errors.Select(error => new FieldError(error.Field[Prefix.Length..], code.Number, error.Message))
            .ToArray();
        return new ApiException(code, $"{errors[0].Field}: {errors[0].Message}", errors);
    }

    /// <param name="TaskId">The work.</param>
    /// <param name="SnapshotId">What it makes or restores.</param>
    private sealed record SnapshotAsked(string TaskId, string SnapshotId);
}

/// <summary>Body of POST /collection_snapshots.</summary>
internal sealed class CreateSnapshotBody
{
    public required string Collection { get; init; }

    public string? Description { get; init; }

    public long? Keep { get; init; }
}

/// <summary>Body of POST /collection_snapshots/:id/restore.</summary>
internal sealed class RestoreSnapshotBody
{
    public required string Name { get; init; }

    public string? Description { get; init; }
}
