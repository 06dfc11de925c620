using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Taishang.Core.Api.Limits;

namespace Taishang.Core.Api;

/// <summary>What every route passes through: envelope, headers, rate limits, idempotency.</summary>
internal static class ApiSetup
{
    public static void AddApi(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ApiOptions>().Bind(configuration.GetSection("Api"))
            .ValidateDataAnnotations()
            .ValidateOnStart();
        services.AddSingleton<IValidateOptions<ApiOptions>, RateLimitRules>();
        // A parameter that does not bind is told like any other bad field, by exception.
        services.Configure<RouteHandlerOptions>(handlers => handlers.ThrowOnBadRequest = true);
        services.AddSingleton<RateLimits>();
        services.AddSingleton<IdempotencyStore>();
        services.AddSingleton<Idempotency>();
        services.AddHostedService<IdempotencySweeper>();
    }

    /// <summary>The order matters: errors of all that follows become envelopes, refused calls cost least.</summary>
    public static void UseApi(this WebApplication app)
    {
        UseTrustedProxies(app);
        app.UseErrorEnvelope();
        app.Use(next => context => ResponseHeaders.InvokeAsync(context, next));
        var limits = app.Services.GetRequiredService<RateLimits>();
        app.Use(next => context => limits.InvokeAsync(context, next));
        var idempotency = app.Services.GetRequiredService<Idempotency>();
        app.Use(next => context => idempotency.InvokeAsync(context, next));
    }

    /// <summary>Behind them, a caller's address is the last one that none of them has.</summary>
    private static void UseTrustedProxies(WebApplication app)
    {
        var networks = app.Services.GetRequiredService<IOptions<ApiOptions>>().Value.TrustedProxies;
        if (networks.Count == 0) return;
        var forwarded = new ForwardedHeadersOptions
        {
            ForwardedHeaders = ForwardedHeaders.XForwardedFor,
            ForwardLimit = null,
        };
        forwarded.KnownProxies.Clear();
        forwarded.KnownIPNetworks.Clear();
        foreach (var network in networks) forwarded.KnownIPNetworks.Add(System.Net.IPNetwork.Parse(network));
        app.UseForwardedHeaders(forwarded);
    }
}
