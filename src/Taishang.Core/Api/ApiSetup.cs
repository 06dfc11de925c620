using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Taishang.Core.Api;

/// <summary>What every route passes through: envelope, headers, rate limits, idempotency.</summary>
internal static class ApiSetup
{
    public static void AddApi(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ApiOptions>().Bind(configuration.GetSection("Api"))
            .ValidateDataAnnotations()
            .Validate(
                options => options.RateLimits.Values.Append(options.RateLimit).All(limit => limit.IsValid),
                "Api: a rate limit is 0 to 10,000,000 tokens a second with a burst of 1 to 10,000,000")
            .ValidateOnStart();
        // A parameter that does not bind is told like any other bad field, by exception.
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.AddRateLimiter(_ => { });
        services.AddSingleton<IConfigureOptions<RateLimiterOptions>, RateLimits>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<Idempotency>();
        services.AddHostedService<IdempotencySweeper>();
    }

    /// <summary>The order matters: errors of all that follows become envelopes, refused calls cost least.</summary>
    public static void UseApi(this WebApplication app)
    {
        app.UseErrorEnvelope();
        app.Use(next => context => ResponseHeaders.InvokeAsync(context, next));
        app.UseRateLimiter();
        var idempotency = app.Services.GetRequiredService<Idempotency>();
        app.Use(next => context => idempotency.InvokeAsync(context, next));
    }
}
