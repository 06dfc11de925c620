using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Taishang.Core.Tasks.Schedules;
using Taishang.Core.Tasks.History;
using Taishang.Core.Tasks.Watching;
using Taishang.Executors.Loading;

namespace Taishang.Core.Tasks;

/// <summary>Registers the scheduler; executors come from the slices with <c>AddTaskExecutor</c>.</summary>
internal static class TaskSetup
{
    public static void AddTasks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<TaskOptions>().Bind(configuration.GetSection("Tasks")).ValidateOnStart();
        services.AddSingleton<IValidateOptions<TaskOptions>, OptionsCheck>();
        if (configuration["Tasks:PluginFolder"] is { Length: > 0 } folder)
        {
            // Now and not when the first asks: a plug-in that does not load stops the start.
            foreach (var executor in PlugInFolder.Load(folder)) services.AddSingleton(executor);
        }

        services.AddSingleton<TaskSignals>();
        services.AddSingleton<TaskDepth>();
        services.AddSingleton<TaskMetrics>();
        services.AddSingleton<TaskExecutors>();
        services.AddSingleton<TaskTypeStore>();
        services.AddSingleton<TaskTypes>();
        services.AddSingleton(provider => new TaskBackoff(
            new Random(provider.GetRequiredService<IOptions<TaskOptions>>().Value.Seed ?? Environment.ProcessId)));
        services.AddSingleton<TaskLinks>();
        services.AddSingleton<TaskStore>();
        services.AddSingleton<TaskStory>();
        services.AddSingleton<TaskModels>();
        services.AddSingleton<TaskList>();
        services.AddSingleton<TaskLogStore>();
        services.AddSingleton<TaskAnswerStore>();
        services.AddSingleton<TaskCostStore>();
        services.AddSingleton<TaskStatsStore>();
        services.AddSingleton<TaskFeed>();
        services.AddSingleton<TaskStreams>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskStreams>());
        services.AddSingleton<StreamEndpoint>();
        services.AddSingleton<TaskRetention>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskRetention>());
        services.AddHostedService<TaskTypeRecorder>();
        services.AddSingleton<TaskCountsWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskCountsWorker>());
        services.AddSingleton<TaskQueue>();
        services.AddSingleton<TaskVerbs>();
        services.AddSingleton<TaskRunner>();
        services.AddSingleton<TaskSettler>();
        // Hosts stop in reverse order: first the worker lets go, then its notices go out, then creations end.
        services.AddSingleton<TaskCreator>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskCreator>());
        services.AddHostedService<TaskNotifier>();
        services.AddSingleton<TaskLeadership>();
        services.AddSingleton<ScheduleStore>();
        services.AddSingleton<ScheduleWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<ScheduleWorker>());
        services.AddSingleton<TaskWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<TaskWorker>());
    }

    [SuppressMessage("Performance", "CA1812", Justification = "Made by the container.")]
    private sealed class OptionsCheck : IValidateOptions<TaskOptions>
    {
        public ValidateOptionsResult Validate(string? name, TaskOptions options) =>
            options.Validate() is { } problem ? ValidateOptionsResult.Fail(problem) : ValidateOptionsResult.Success;
    }
}
