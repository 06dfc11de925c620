using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Executors.Loading;

namespace Taishang.Ai.Tasks;

/// <summary>Executors of tasks that core hands to this worker.</summary>
internal static class TaskSetup
{
    public static void AddWorkerTasks(this IServiceCollection services, IConfiguration configuration)
    {
        var options = configuration.GetSection(WorkerTaskOptions.Section).Get<WorkerTaskOptions>()
            ?? new WorkerTaskOptions();
        options.Validate();
        services.AddSingleton(options);
        if (options.PluginFolder is { Length: > 0 } folder)
        {
            // Now and not when the first asks: a plug-in that does not load stops the start.
            foreach (var executor in PlugInFolder.Load(folder)) services.AddSingleton(executor);
        }

        services.AddSingleton<WorkerExecutors>();
    }
}
