using Microsoft.Extensions.DependencyInjection;

namespace Taishang.Core.Tasks;

/// <summary>The executors of this process by their type.</summary>
public sealed class TaskExecutors
{
    /// <summary>Types that the API knows; one without an executor is refused by its own code.</summary>
    public static readonly IReadOnlyList<string> KnownTypes =
        ["training", "embedding", "index", "evaluation", "ingestion", "snapshot", "restore"];

    private readonly Dictionary<string, ITaskExecutor> _byType = [];

    public TaskExecutors(IEnumerable<ITaskExecutor> executors)
    {
        foreach (var executor in executors)
        {
            if (!_byType.TryAdd(executor.Type, executor))
                throw new InvalidOperationException($"two executors are registered for the type {executor.Type}");
        }

        Types = [.. _byType.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>Types that can run here.</summary>
    public string[] Types { get; }

    public ITaskExecutor? Find(string type) => _byType.GetValueOrDefault(type);
}

/// <summary>How a host brings its executors.</summary>
public static class TaskExecutorSetup
{
    /// <summary>Registers an executor; its type becomes one that tasks can be created with.</summary>
    public static IServiceCollection AddTaskExecutor<T>(this IServiceCollection services)
        where T : class, ITaskExecutor =>
        services.AddSingleton<ITaskExecutor, T>();
}
