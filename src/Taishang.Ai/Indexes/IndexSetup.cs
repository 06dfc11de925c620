using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Taishang.Hosting.Health;
using Taishang.VectorEngine;
using Taishang.VectorEngine.Memory;

namespace Taishang.Ai.Indexes;

/// <summary>Collections on the embedded engine.</summary>
internal static class IndexSetup
{
    public static void AddIndexes(this IServiceCollection services, IConfiguration configuration, string data)
    {
        var options = configuration.GetSection(IndexOptions.Section).Get<IndexOptions>() ?? new IndexOptions();
        options.Validate();
        services.AddSingleton(options);
        services.AddSingleton(new CollectionFolders(data));
        services.TryAddSingleton(provider => new VectorEngineOptions
        {
            Time = provider.GetRequiredService<TimeProvider>(),
            BuildThreads = options.BuildThreads == 0 ? Environment.ProcessorCount : options.BuildThreads,
            Memory = provider.GetRequiredService<MemoryBudget>(),
        });
        services.AddSingleton(provider => new MemoryBudget(
            options.MemoryBytesMax == 0 ? null : options.MemoryBytesMax, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<CallGates>();
        services.AddSingleton(new SnapshotFolders(
            options.SnapshotFolder.Length > 0
                ? Path.GetFullPath(options.SnapshotFolder) : Path.Combine(data, "snapshots")));
        services.AddSingleton<SnapshotStore>();
        services.AddSingleton<CollectionPins>();
        services.AddSingleton<CollectionTiers>();
        services.AddSingleton<CollectionStore>();
        services.AddHostedService(provider => provider.GetRequiredService<CollectionStore>());
        services.AddHostedService<TierKeeper>();
        services.AddSingleton<RecallSampler>();
        services.AddHostedService(provider => provider.GetRequiredService<RecallSampler>());
        services.AddSingleton<IReadinessCheck, CollectionReadiness>();
        services.AddSingleton<CollectionGauges>();
    }
}
