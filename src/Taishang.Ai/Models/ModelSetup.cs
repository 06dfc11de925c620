using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Ai.Inference;
using Taishang.Ai.Remote;

namespace Taishang.Ai.Models;

/// <summary>Models and what runs them.</summary>
internal static class ModelSetup
{
    public static void AddModels(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = new ModelOptions { ModelsFolder = Path.Combine(data, "models") };
        configuration.GetSection("Taishang:Ai:Models").Bind(options);
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton<OnnxModels>();
        services.AddSingleton<IModelProvider, BuiltinProvider>();
        services.AddSingleton<IModelProvider, OnnxProvider>();
        services.AddSingleton(provider => new OpenAiProvider(options, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new RemoteProvider(options, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IModelProvider>(provider => provider.GetRequiredService<OpenAiProvider>());
        services.AddSingleton<IModelProvider>(provider => provider.GetRequiredService<RemoteProvider>());
        services.AddSingleton<IChatProvider>(provider => provider.GetRequiredService<OpenAiProvider>());
        services.AddSingleton<IChatProvider>(provider => provider.GetRequiredService<RemoteProvider>());
        services.AddSingleton<EmbeddingModels>();
        services.AddSingleton<ChatModels>();
        services.AddSingleton<InferenceModels>();
    }
}
