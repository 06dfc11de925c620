using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Taishang.Core.Api;

namespace Taishang.Core.ServiceCalls;

/// <summary>Routes of recorded calls.</summary>
internal static class ServiceCallEndpoints
{
    public static void AddServiceCalls(this IServiceCollection services) =>
        services.AddSingleton<ServiceCallStatsStore>();

    /// <summary>
    /// Belongs to the client of ai and is added before everything that calls: hosts stop in reverse order, and the last
    /// calls are still to be written.
    /// </summary>
    public static void AddCallRecording(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ServiceCallOptions>().Bind(configuration.GetSection("ServiceCalls"));
        services.AddSingleton<IValidateOptions<ServiceCallOptions>, OptionsCheck>();
        services.AddSingleton<CallRecorder>();
        services.AddSingleton<ServiceCallStore>();
        services.AddHostedService<CallWriter>();
        services.AddSingleton<CallRetention>();
        services.AddHostedService(provider => provider.GetRequiredService<CallRetention>());
    }

    public static void MapServiceCalls(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/taishang/service_calls");
        group.MapGet("", ListAsync);
        group.MapGet("/stats", StatsAsync);
    }

    private static async Task<IResult> ListAsync(
        HttpContext context, ServiceCallStore store, CallRecorder recorder, IOptions<ServiceCallOptions> options,
        CancellationToken cancellation)
    {
        var (page, filter) = ServiceCallQuery.ReadList(context.Request.Query);
        await recorder.FlushAsync(TimeSpan.FromMilliseconds(options.Value.ReadWaitMs), cancellation);
        var oldestFirst = page.Sort is { Descending: false };
        var (calls, total) = await store.ListAsync(filter, page.Skip, page.PageSize, oldestFirst, cancellation);
        return Envelope.Page("calls", calls, total);
    }

    private static async Task<IResult> StatsAsync(
        HttpContext context, ServiceCallStatsStore store, CallRecorder recorder,
        IOptions<ServiceCallOptions> options, TimeProvider time, CancellationToken cancellation)
    {
        var query = ServiceCallQuery.ReadStats(context.Request.Query, options.Value, time.GetUtcNow());
        await recorder.FlushAsync(TimeSpan.FromMilliseconds(options.Value.ReadWaitMs), cancellation);
        var stats = await store.ReadAsync(query.Filter, query.Bucket, query.Groups, cancellation);
        return Envelope.Ok(new StatsAnswer(stats));
    }

    private sealed record StatsAnswer(ServiceCallStats Stats);

    private sealed class OptionsCheck : IValidateOptions<ServiceCallOptions>
    {
        public ValidateOptionsResult Validate(string? name, ServiceCallOptions options) =>
            options.Problem() is { } problem
                ? ValidateOptionsResult.Fail(problem)
                : ValidateOptionsResult.Success;
    }
}
