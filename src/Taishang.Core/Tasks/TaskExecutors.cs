using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.Api;
using Taishang.Executors;
using Taishang.Executors.Loading;

namespace Taishang.Core.Tasks;

/// <summary>The executors of this process by their type.</summary>
public sealed class TaskExecutors
{
    /// <summary>Types that the API knows; one without an executor is refused by its own code.</summary>
    public static readonly IReadOnlyList<string> KnownTypes =
        ["training", "embedding", "index", "evaluation", "ingestion", "snapshot", "restore"];

    private readonly Dictionary<string, ITaskExecutor> _byType;

    public TaskExecutors(IEnumerable<ITaskExecutor> executors)
    {
        var all = executors.ToArray();
        PlugInFolder.RequireOneEach(all);
        _byType = all.ToDictionary(executor => executor.Type);
        Types = [.. _byType.Keys.Order(StringComparer.Ordinal)];
    }

    /// <summary>Types that can run here.</summary>
    public string[] Types { get; }

    /// <summary>What the executor has against a payload, as errors of the API.</summary>
    internal static void Check(ITaskExecutor executor, JsonElement payload, FieldErrors errors)
    {
        var found = new PayloadErrors();
        executor.Validate(payload, found);
        foreach (var (field, message) in found.Errors) errors.Add(ErrorCodes.TaskPayloadInvalid, field, message);
    }

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
