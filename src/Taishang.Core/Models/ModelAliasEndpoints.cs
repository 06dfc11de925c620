using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Models;

/// <summary>Routes of a model's aliases.</summary>
internal static class ModelAliasEndpoints
{
    public static void MapModelAliases(this IEndpointRouteBuilder models)
    {
        models.MapGet("{id}/aliases", ListAsync);
        models.MapPut("{id}/aliases", ChangeAsync);
        models.MapPut("{id}/aliases/{alias}", SetAsync);
        models.MapDelete("{id}/aliases/{alias}", DeleteAsync);
    }

    private static async Task<IResult> ListAsync(
        string id, ModelStore store, ModelAliasStore aliases, CancellationToken cancellation)
    {
        await store.GetAsync(id, cancellation);
        return Envelope.Ok(ModelAliasesAnswer.Of(await aliases.ListAsync(id, cancellation)));
    }

    private static async Task<IResult> ChangeAsync(
        string id, HttpContext context, ModelStore store, ModelAliasStore aliases, ModelGate gate,
        CancellationToken cancellation)
    {
        var changes = ModelAliasRules.Check(await JsonBody.ReadAsync<ModelAliasesBody>(context, cancellation));
        await store.GetAsync(id, cancellation);
        var rows = await aliases.ApplyAsync(id, changes, cancellation);
        gate.Forget();
        return Envelope.Ok(ModelAliasesAnswer.Of(rows));
    }

    private static async Task<IResult> SetAsync(
        string id, string alias, HttpContext context, ModelStore store, ModelAliasStore aliases, ModelGate gate,
        CancellationToken cancellation)
    {
        var change = ModelAliasRules.Check(alias, await JsonBody.ReadAsync<ModelAliasSetBody>(context, cancellation));
        await store.GetAsync(id, cancellation);
        var rows = await aliases.ApplyAsync(id, [change], cancellation);
        gate.Forget();
        return Envelope.Ok(ModelAliasAnswer.Of(rows.First(row => row.Alias == alias)));
    }

    private static async Task<IResult> DeleteAsync(
        string id, string alias, HttpContext context, ModelStore store, ModelAliasStore aliases, ModelGate gate,
        CancellationToken cancellation)
    {
        var change = ModelAliasRules.CheckRemoval(alias, context.Request.Query);
        await store.GetAsync(id, cancellation);
        await aliases.ApplyAsync(id, [change], cancellation);
        gate.Forget();
        return Envelope.Done();
    }
}

internal sealed record ModelAliasesAnswer(IReadOnlyList<ModelAliasAnswer> Aliases)
{
    public static ModelAliasesAnswer Of(IReadOnlyList<ModelAlias> rows) => new([.. rows.Select(ModelAliasAnswer.Of)]);
}

internal sealed record ModelAliasAnswer(
    string Alias, string Version, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static ModelAliasAnswer Of(ModelAlias row) => new(row.Alias, row.Version, row.CreatedAt, row.UpdatedAt);
}
