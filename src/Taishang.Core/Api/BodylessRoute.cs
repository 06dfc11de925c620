using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Taishang.Core.Api;

/// <summary>For verbs that take all they need from their path.</summary>
internal static class BodylessRoute
{
    /// <summary>
    /// Refuses a body that says something: whoever sends a field believes that it counts. None at all and <c>{}</c> are
    /// the same.
    /// </summary>
    public static TBuilder WithoutBody<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder => route.AddEndpointFilter(static async (call, next) =>
    {
        await JsonBody.ReadOptionalAsync<NoFields>(call.HttpContext, call.HttpContext.RequestAborted);
        return await next(call);
    });

    private sealed record NoFields;
}
