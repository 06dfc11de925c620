using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Taishang.Core.AiClient.Discovery;
using Taishang.Core.Collections;
using Taishang.Core.ServiceCalls;

namespace Taishang.Core.AiClient;

/// <summary>Registers the client of ai, and the record of its calls before whoever calls.</summary>
internal static class AiClientSetup
{
    public static void AddAiClient(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddMetrics();
        services.AddOptions<AiClientOptions>().Bind(configuration.GetSection("Ai"));
        services.AddSingleton<IValidateOptions<AiClientOptions>, AiClientOptionsCheck>();
        services.AddCallRecording(configuration);
        services.AddSingleton<WorkerPool>();
        services.AddSingleton<CallMethods>();
        services.AddSingleton(provider => new RetryPolicy(
            provider.GetRequiredService<IOptions<AiClientOptions>>(),
            provider.GetRequiredService<TimeProvider>(),
            new Random(RandomNumberGenerator.GetInt32(int.MaxValue))));
        services.AddSingleton(
            provider => AddressSources.OfSystem(provider.GetRequiredService<IOptions<AiClientOptions>>().Value));
        services.AddSingleton<AiClientTelemetry>();
        services.AddSingleton<CollectionPlacement>();
        services.AddSingleton<IAiClient, GrpcAiClient>();
        services.AddHostedService<WorkerMonitor>();
    }

    private sealed class AiClientOptionsCheck : IValidateOptions<AiClientOptions>
    {
        public ValidateOptionsResult Validate(string? name, AiClientOptions options)
        {
            try
            {
                options.Validate();
                return ValidateOptionsResult.Success;
            }
            catch (InvalidOperationException e)
            {
                return ValidateOptionsResult.Fail(e.Message);
            }
        }
    }
}
