using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Core.Tasks;
using Taishang.Core.Vectors;
using Taishang.Executors;

namespace Taishang.Core.Collections;

/// <summary>Routes of vector collections.</summary>
internal static class CollectionEndpoints
{
    private const string Root = "/api/taishang/vector_collections";

    /// <summary>A change that meets another one is made again on what that one left.</summary>
    private const int ChangeAttemptsMax = 5;

    public static void AddCollections(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<CollectionOptions>().Bind(configuration.GetSection("Collections"))
            .ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<CollectionStore>();
        services.AddSingleton<AliasStore>();
        services.AddSingleton<CollectionDropStore>();
        services.AddSingleton<CollectionLookup>();
        services.AddSingleton<CollectionReadiness>();
        services.AddSingleton<CollectionBuilds>();
        services.AddSingleton<CollectionLife>();
        services.AddSingleton<CollectionDropWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<CollectionDropWorker>());
        services.AddSingleton<ITaskExecutor, IndexTaskExecutor>();
        services.AddSnapshots();
    }

    public static void MapCollections(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root, ListAsync);
        routes.MapPost(Root, CreateAsync).WithIdempotency();
        routes.MapGet($"{Root}/{{id}}", GetAsync);
        routes.MapPut($"{Root}/{{id}}", ChangeAsync);
        routes.MapDelete($"{Root}/{{id}}", DeleteAsync);
        routes.MapPost($"{Root}/{{id}}/build", BuildAsync).WithoutBody();
        routes.MapAliases();
        routes.MapSnapshots();
    }

    private static async Task<IResult> ListAsync(HttpContext context, CollectionStore store)
    {
        var query = ListQuery.Read(
            context.Request.Query, CollectionStore.FilterFields, CollectionStore.SortFields);
        CollectionRules.CheckFilters(query);
        var (rows, total) = await store.ListAsync(query, context.RequestAborted);
        var aliases = await store.AliasesAsync([.. rows.Select(row => row.Id)], context.RequestAborted);
        return Envelope.Page(
            "collections", rows.Select(row => CollectionView.Of(row, aliases[row.Id])).ToArray(), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, CollectionLife life, EmbeddingModels models, TimeProvider time)
    {
        var cancellation = context.RequestAborted;
        var row =
            CollectionRules.Check(await JsonBody.ReadAsync<CreateCollectionBody>(context, cancellation), out var model);
        var now = life.Now();
        row = row with { Id = context.NewRowId(time), CreatedAt = now, UpdatedAt = now };
        if (model is not null) row = await models.AttachAsync(row, model, context, cancellation);
        return Envelope.Created(CollectionView.Of(await life.CreateAsync(row, cancellation), []));
    }

    private static async Task<IResult> GetAsync(
        string id, HttpContext context, CollectionLookup lookup, CollectionStore store, CollectionReadiness readiness)
    {
        var row = await lookup.ReadAsync(id, context.RequestAborted);
        var live = await readiness.TryDescribeAsync(row, context.RequestAborted);
        if (live is not null) row = await readiness.ReconcileAsync(row, live, context.RequestAborted);
        return Envelope.Ok(CollectionView.Of(row, await AliasesAsync(store, row, context.RequestAborted), live));
    }

    private static async Task<IResult> ChangeAsync(
        string id, HttpContext context, CollectionLife life, CollectionLookup lookup, CollectionStore store)
    {
        var cancellation = context.RequestAborted;
        var body = await JsonBody.ReadAsync<ChangeCollectionBody>(context, cancellation);
        if (body.IsEmpty)
            throw new ApiException(ErrorCodes.MissingField, "body: expected at least one field to change");
        for (var attempt = 1; attempt <= ChangeAttemptsMax; attempt++)
        {
            var old = await lookup.ReadAsync(id, cancellation);
            // A rename may have taken the name from under the path: the id stays.
            id = old.Id;
            var changed = CollectionRules.Change(old, body) with { UpdatedAt = life.Now() };
            if (await life.ChangeAsync(old, changed, body, cancellation) is { } row)
                return Envelope.Ok(CollectionView.Of(row, await AliasesAsync(store, row, cancellation)));
        }

        throw new ApiException(ErrorCodes.IdempotencyInProgress, "other calls keep changing the collection: try again");
    }

    private static async Task<IResult> DeleteAsync(string id, HttpContext context, CollectionLife life)
    {
        await life.DeleteAsync(id, ReadDropAliases(context.Request.Query), context.RequestAborted);
        return Envelope.Done();
    }

    private static async Task<IResult> BuildAsync(string id, HttpContext context, CollectionBuilds builds) =>
        Envelope.Ok(new BuildAnswer(await builds.RequestAsync(id, context.RequestAborted)));

    private static async Task<IEnumerable<string>> AliasesAsync(
        CollectionStore store, Collection row, CancellationToken cancellation) =>
        (await store.AliasesAsync([row.Id], cancellation))[row.Id];

    private static bool ReadDropAliases(IQueryCollection query)
    {
        var errors = new FieldErrors();
        var drop = false;
        foreach (var (name, values) in query)
        {
            if (name != "drop_aliases") errors.Add(ErrorCodes.UnknownField, name, "expected drop_aliases");
            else if (values is not ["true" or "false"])
                errors.Add(ErrorCodes.InvalidArgument, name, "expected true or false, once");
            else drop = values == "true";
        }

        errors.ThrowIfAny();
        return drop;
    }

    private sealed record BuildAnswer(string TaskId);
}
