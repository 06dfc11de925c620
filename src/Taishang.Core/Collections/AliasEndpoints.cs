using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Collections;

/// <summary>Routes of aliases.</summary>
internal static class AliasEndpoints
{
    private const string Root = "/api/taishang/collection_aliases";

    public static void MapAliases(this IEndpointRouteBuilder routes)
    {
        routes.MapGet(Root, ListAsync);
        routes.MapPost(Root, SwitchAsync);
        routes.MapGet($"{Root}/{{id}}", GetAsync);
        routes.MapDelete($"{Root}/{{id}}", DeleteAsync);
    }

    private static async Task<IResult> ListAsync(HttpContext context, AliasStore store, CollectionStore collections)
    {
        var cancellation = context.RequestAborted;
        var query = ListQuery.Read(context.Request.Query, AliasStore.FilterFields, AliasStore.SortFields);
        var collectionId = query.Filter("collection") is { } reference
            ? (await collections.FindAsync(reference, cancellation) ?? throw CollectionLookup.NotFound(reference)).Id
            : null;
        var (rows, total) = await store.ListAsync(query, collectionId, cancellation);
        return Envelope.Page("aliases", rows.Select(AliasView.Of).ToArray(), total);
    }

    private static async Task<IResult> SwitchAsync(
        HttpContext context, AliasStore store, CollectionLookup lookup, CollectionLife life)
    {
        var cancellation = context.RequestAborted;
        var changes = AliasRules.Check(await JsonBody.ReadAsync<SwitchAliasesBody>(context, cancellation));
        var written = await lookup.SwitchAsync(() => store.ApplyAsync(changes, life.Now(), cancellation));
        return Envelope.Ok(new SwitchAnswer([.. written.Select(AliasView.Of)]));
    }

    private static async Task<IResult> GetAsync(string id, HttpContext context, AliasStore store) =>
        Envelope.Ok(AliasView.Of(await store.FindAsync(id, context.RequestAborted) ?? throw AliasRules.NotFound(id)));

    private static async Task<IResult> DeleteAsync(
        string id, HttpContext context, AliasStore store, CollectionLookup lookup, CollectionLife life)
    {
        if (!Collection.IsName(id)) throw AliasRules.NotFound(id);
        await lookup.SwitchAsync(
            () => store.ApplyAsync([new AliasChange(id, null)], life.Now(), context.RequestAborted));
        return Envelope.Done();
    }

    private sealed record SwitchAnswer(IReadOnlyList<AliasView> Aliases);
}

/// <summary>An alias as the API answers with it.</summary>
/// <param name="Alias">The name.</param>
/// <param name="CollectionId">Where it leads.</param>
/// <param name="Collection">That collection's own name.</param>
/// <param name="CreatedAt">When it was first set.</param>
/// <param name="UpdatedAt">When it was last set.</param>
internal sealed record AliasView(
    string Alias, string CollectionId, string Collection, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static AliasView Of(Alias row) =>
        new(row.Name, row.CollectionId, row.CollectionName, row.CreatedAt, row.UpdatedAt);
}
