using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Taishang.Core.AiClient;
using Taishang.Core.Api;
using Taishang.Executors;
using Taishang.Executors.Loading;

namespace Taishang.Core.Tasks;

/// <summary>
/// The executors by their type: those of this process, and those of ai workers. Of a type that both have, this
/// process's runs. A type that a worker once had stays one that tasks are created with (<see cref="TaskTypes"/>), but
/// is claimed only while a worker with it serves: its tasks wait in the queue and use up no attempt.
/// </summary>
public sealed class TaskExecutors
{
    /// <summary>Types that the API knows; one without an executor is refused by its own code.</summary>
    public static readonly IReadOnlyList<string> KnownTypes =
        ["training", "embedding", "index", "evaluation", "ingestion", "snapshot", "restore"];

    /// <summary>Types of workers that are remembered; more are run, but not when their worker is away.</summary>
    private const int SeenMax = 1_000;

    private readonly Dictionary<string, ITaskExecutor> _byType;
    private readonly string[] _own;
    private readonly IAiClient? _ai;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, ITaskExecutor> _seen = new();

    /// <param name="executors">Of this process.</param>
    /// <param name="ai">Whose workers may have some too; null for none.</param>
    /// <param name="time">Of pauses before a full worker is asked again; null for the system's.</param>
    /// <exception cref="InvalidDataException">Two are of one type; the message names both.</exception>
    public TaskExecutors(IEnumerable<ITaskExecutor> executors, IAiClient? ai = null, TimeProvider? time = null)
    {
        var all = executors.ToArray();
        PlugInFolder.RequireOneEach(all);
        _byType = all.ToDictionary(executor => executor.Type);
        _own = [.. _byType.Keys.Order(StringComparer.Ordinal)];
        _ai = ai;
        _time = time ?? TimeProvider.System;
    }

    /// <summary>Types that can run now.</summary>
    public string[] Types => _ai is { ServingTaskTypes: { Count: > 0 } more } ? [.. _own.Union(more)] : _own;

    /// <summary>Types that tasks can be created with, as far as is known.</summary>
    public IEnumerable<string> Creatable => _own.Union(_seen.Keys).Union(_ai?.ServingTaskTypes ?? []);

    /// <summary>What the executor has against a payload, as errors of the API.</summary>
    internal static void Check(ITaskExecutor executor, JsonElement payload, FieldErrors errors)
    {
        var found = new PayloadErrors();
        executor.Validate(payload, found);
        foreach (var (field, message) in found.Errors) errors.Add(ErrorCodes.TaskPayloadInvalid, field, message);
    }

    public ITaskExecutor? Find(string type)
    {
        if (_byType.TryGetValue(type, out var own)) return own;
        if (_seen.TryGetValue(type, out var seen)) return seen;
        return _ai is not null && _ai.ServingTaskTypes.Contains(type) ? See(type, _ai) : null;
    }

    /// <summary>The workers that run the type now.</summary>
    internal IReadOnlyList<ServedTaskType> ServedBy(string type) =>
        [.. (_ai?.ServedTaskTypes ?? []).Where(one => one.Type == type)];

    /// <summary>A worker has had the type once.</summary>
    internal void Remember(string type)
    {
        if (_ai is not null && !_byType.ContainsKey(type)) See(type, _ai);
    }

    private ITaskExecutor See(string type, IAiClient ai)
    {
        var executor = new WorkerTaskExecutor(type, ai, _time);
        return _seen.Count < SeenMax ? _seen.GetOrAdd(type, executor) : executor;
    }
}

/// <summary>How a host brings its executors.</summary>
public static class TaskExecutorSetup
{
    /// <summary>Registers an executor; its type becomes one that tasks can be created with.</summary>
    public static IServiceCollection AddTaskExecutor<T>(this IServiceCollection services)
        where T : class, ITaskExecutor =>
        services.AddSingleton<ITaskExecutor, T>();
}
