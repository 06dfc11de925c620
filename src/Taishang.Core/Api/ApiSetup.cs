using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.RateLimiting;
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
            .Validate(ApiOptionsRules.Hold, ApiOptionsRules.Message).ValidateOnStart();
        services.AddRateLimiter(_ => { });
        services.AddSingleton<IConfigureOptions<RateLimiterOptions>, RateLimits>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<Idempotency>();
        services.AddHostedService<IdempotencySweeper>();
    }

    /// <summary>The order matters: errors of all that follows become envelopes, and a refused call costs least.</summary>
    public static void UseApi(this WebApplication app)
    {
        app.UseErrorEnvelope();
        app.Use(next => context => ResponseHeaders.InvokeAsync(context, next));
        app.UseRateLimiter();
        var idempotency = app.Services.GetRequiredService<Idempotency>();
        app.Use(next => context => idempotency.InvokeAsync(context, next));
    }
}
