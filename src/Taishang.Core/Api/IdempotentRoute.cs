using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Taishang.Core.Data;

namespace Taishang.Core.Api;

/// <summary>Marks a POST that creates: it takes an Idempotency-Key.</summary>
public sealed class IdempotentRoute
{
    public static IdempotentRoute Instance { get; } = new();
}

/// <summary>What a slice does to take part.</summary>
public static class IdempotencyExtensions
{
    /// <summary>On the route: <c>routes.MapPost(…).WithIdempotency()</c>.</summary>
    public static TBuilder WithIdempotency<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(IdempotentRoute.Instance);

    /// <summary>
    /// The id of the row that this request creates. Under an Idempotency-Key it is the same on every try, so that a
    /// try after a crash finds the row that the first one left: insert it, and when the id is taken, answer with it.
    /// Use it for one row a request.
    /// </summary>
    public static string NewRowId(this HttpContext context, TimeProvider time) =>
        context.Features.Get<ReservedRowId>()?.Id ?? RowId.New(time.GetUtcNow());
}

/// <summary>Kept with the key from its first try on.</summary>
internal sealed record ReservedRowId(string Id);
