using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Taishang.Core.Security;

namespace Taishang.Core.Models;

/// <summary>Registers the slice of models.</summary>
internal static class ModelSetup
{
    private const string KeyFile = "config.key";

    public static void AddModels(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ModelOptions>().Bind(configuration.GetSection("Models"))
            .ValidateDataAnnotations()
            .Validate(options => options.NetworksAreValid, "Models:AllowedNetworks: expected CIDR such as 10.1.0.0/16")
            .ValidateOnStart();
        var dataFolder = configuration["Data"] is { Length: > 0 } folder ? folder : "data";
        services.AddSingleton(provider => SecretBox.Open(
            provider.GetRequiredService<IOptions<ModelOptions>>().Value.ConfigKey, Path.Combine(dataFolder, KeyFile)));
        services.AddSingleton(provider => new EndpointRule(
            provider.GetRequiredService<IOptions<ModelOptions>>().Value.AllowedNetworks,
            provider.GetService<HostResolver>()));
        services.AddSingleton<ConfigSecrets>();
        services.AddSingleton<ModelStore>();
        services.AddSingleton<ModelAliasStore>();
        services.AddSingleton<ModelEvaluationStore>();
        services.AddSingleton<ModelUserFinder>();
        services.AddSingleton<ModelTester>();
        services.AddSingleton(provider => new ModelGate(
            provider.GetRequiredService<ModelStore>(), provider.GetRequiredService<ModelTester>(),
            provider.GetRequiredService<IOptions<ModelOptions>>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<ModelSeed>();
        services.AddHostedService<ModelWatch>();
    }
}
