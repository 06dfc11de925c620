using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Taishang.Core.Api;

namespace Taishang.Core.Gateway.Routes;

/// <summary>Routes of routes: making, reading, changing. Their calls stand in <see cref="RouteCallEndpoints"/>.
/// </summary>
internal static class RouteEndpoints
{
    public static void MapModelRoutes(this IEndpointRouteBuilder app)
    {
        var routes = app.MapGroup("/api/taishang/routes");
        routes.MapGet("", ListAsync);
        routes.MapPost("", CreateAsync).WithIdempotency();
        routes.MapGet("{id}", GetAsync);
        routes.MapPut("{id}", ReplaceAsync);
        routes.MapDelete("{id}", DeleteAsync);
        routes.MapRouteCalls();
    }

    private static async Task<IResult> ListAsync(HttpContext context, RouteStore store, CancellationToken cancellation)
    {
        var query = ListQuery.Read(context.Request.Query, ["strategy"], ["name", "created_at"]);
        var strategy = query.OneOf("strategy", [.. RouteStrategies.All]);
        var (rows, total) = await store.ListAsync(query, strategy, cancellation);
        return Envelope.Page("routes", rows.Select(row => RouteAnswer.Of(row)).ToList(), total);
    }

    private static async Task<IResult> CreateAsync(
        HttpContext context, RouteStore store, RouteModels models, RouteDirectory directory, TimeProvider time,
        CancellationToken cancellation)
    {
        var body = await ReadAsync(context, models, cancellation);
        var row = Row(body, context.NewRowId(time), store.Now(), store.Now());
        var made = await store.InsertAsync(row, cancellation);
        directory.Forget();
        return Envelope.Created(RouteAnswer.Of(made));
    }

    private static async Task<IResult> GetAsync(
        string id, RouteStore store, RouteDirectory directory, TimeProvider time, CancellationToken cancellation)
    {
        var row = await store.GetAsync(id, cancellation);
        var state = await directory.FindAsync(row.Id, cancellation);
        return Envelope.Ok(RouteAnswer.Of(row, state?.Views(RouteState.NowMs(time))));
    }

    private static async Task<IResult> ReplaceAsync(
        string id, HttpContext context, RouteStore store, RouteModels models, RouteDirectory directory,
        CancellationToken cancellation)
    {
        var body = await ReadAsync(context, models, cancellation);
        var before = await store.GetAsync(id, cancellation);
        var changed = await store.UpdateAsync(Row(body, before.Id, before.CreatedAt, store.Now()), cancellation);
        directory.Forget();
        return Envelope.Ok(RouteAnswer.Of(changed));
    }

    private static async Task<IResult> DeleteAsync(
        string id, RouteStore store, RouteDirectory directory, CancellationToken cancellation)
    {
        await store.DeleteAsync(id, cancellation);
        directory.Forget();
        return Envelope.Done();
    }

    private static async Task<RouteBody> ReadAsync(
        HttpContext context, RouteModels models, CancellationToken cancellation)
    {
        var body = await JsonBody.ReadAsync<RouteBody>(context, cancellation);
        RouteRules.Check(body);
        await models.CheckAsync(body, cancellation);
        return body;
    }

    private static ModelRoute Row(
        RouteBody body, string id, DateTimeOffset createdAt, DateTimeOffset updatedAt) => new()
        {
            Id = id,
            Name = body.Name,
            Description = body.Description,
            Strategy = body.Strategy,
            Definition = ModelRoute.TextOf(body),
            CreatedAt = createdAt,
            UpdatedAt = updatedAt,
        };
}
